"""The catalog's own words in Chinese. Formulas, ids, knobs and names of people stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tricks.base import Card

Language = Literal["en", "zh"]
LANGUAGES: dict[Language, str] = {"en": "EN", "zh": "中文"}

CHINESE = {
    # The grid.
    "Catalog": "技巧目录",
    "{n} tricks. Each card has its formula, its source, when it fails, and what it did on this "
    "machine.": "共 {n} 个技巧。每张卡片都写明公式、出处、何时失效，以及在本机的实测结果。",
    "Search: name, claim, 中文": "搜索：名称、说法、English",
    "All {n}": "全部 {n}",
    "Any cost": "代价不限",
    "Free": "几乎免费",
    "Up to 1.3 times": "不超过 1.3 倍",
    "Up to 2 times": "不超过 2 倍",
    "Above 2 times": "超过 2 倍",
    "Any network": "网络不限",
    "Works in an MLP": "可用于 MLP",
    "Works in a CNN": "可用于 CNN",
    "Works in a ResNet": "可用于 ResNet",
    "Any task": "任务不限",
    "classification": "分类",
    "detection": "检测",
    "gan": "生成对抗",
    "Named in the thread": "原帖提到的",
    "{n} of {all} tricks": "{all} 个技巧中的 {n} 个",
    "Clear": "清除条件",
    "Clear the search": "清除搜索",
    "No trick matches this.": "没有符合条件的技巧。",
    "No trick matches “{query}”.": "没有与“{query}”相符的技巧。",
    "Did you mean **{title}**?": "您要找的是 **{title}** 吗？",
    "not measured yet": "尚未实测",
    "better": "更好",
    "worse": "更差",
    "no difference": "无差别",
    "not resolved": "未定",
    "anecdote": "孤例",
    "too few seeds": "种子太少",
    "in the thread": "原帖",
    # Families.
    "Activation": "激活函数",
    "Normalization": "归一化",
    "Architecture": "网络结构",
    "Initialization": "初始化",
    "Regularization": "正则化",
    "Loss": "损失函数",
    "Optimizer": "优化器",
    "Schedule": "学习率调度",
    "Augmentation": "数据增强",
    "Data": "数据处理",
    "Procedure": "训练流程",
    "Ensemble": "集成",
    "Detection": "检测",
    "Gan": "生成对抗",
    "Own": "自己的技巧",
    # A card.
    "All tricks": "所有技巧",
    "Add to my experiment": "加入实验",
    "Try it": "试一试",
    "Use it when": "何时使用",
    "Watch out": "注意",
    "Costs": "代价",
    "Works in": "适用网络",
    "Published": "发表的结果",
    "Measured here": "本机实测",
    "Paper": "论文",
    "Not with": "搭配",
    "Try it opens": "试一试会打开",
    "No number that we could verify.": "没有能核实的数字。",
    "Not yet. Try it takes seconds.": "尚未实测。试一试只需几秒。",
    "Nothing in this catalog.": "目录中没有冲突。",
    "One {slot} in an arm: not together with {names}.": "一个分组里只能有一个 {slot}：不能与 "
    "{names} 同用。",
    "and {n} more": "等另外 {n} 个",
    "excluded": "互斥",
    "with care": "小心",
    "a hint": "提示",
    "Zhihu question 30712664, where many of these tricks are collected": (
        "知乎问题 30712664，许多技巧收集于此"
    ),
    "{file}, {n} lines": "{file}，{n} 行",
    "The moment of training it changes": "它改变训练的哪一步",
    "Open “{name}”": "打开“{name}”",
    "from the setup": "由设置决定",
    "No such trick": "没有这个技巧",
    "This file is left out": "此文件未载入",
}


def words(language: Language) -> Callable[..., str]:
    """A function from an English label to what is shown; ``{parts}`` of it are filled.

    In Chinese it raises KeyError for a label that has no translation.
    """

    def say(label: str, **parts: object) -> str:
        text = CHINESE[label] if language == "zh" else label
        return text.format(**parts) if parts else text

    return say


def titles(card: Card, language: Language) -> tuple[str, str]:
    """The title in this language, and in the other one."""
    return (card.title_zh, card.title) if language == "zh" else (card.title, card.title_zh)


def sentence(card: Card, part: Literal["claim", "when", "watch_out"], language: Language) -> str:
    """A sentence of the card; in English where there is no Chinese."""
    held = card.zh if language == "zh" and card.zh else card
    text: str = getattr(held, part)
    return text
