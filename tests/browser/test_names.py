"""Names with everything in them that a page could take for its own, in a real browser."""

from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.pages.bench import Bench
from trainer.experiment import pack, parse

HOST = "evil.example"
ARMS = (
    f"<img src=//{HOST}/a onerror=window.pwned=1><script>window.pwned=1</script>",
    f"![i](http://{HOST}/b.png) [l](http://{HOST}) <http://{HOST}>",
    f"=1+1 see http://{HOST}/c www.{HOST} mail@{HOST} %{{y}}",
    ":material/home: :streamlit: :red[r] a -> b -- c $x^2$ </td><h1>",
    "None",
)
TRICKS = ("", "dropout", "mixup", "label_smoothing", "ema")
NAME = f'"><svg onload=window.pwned=1>http://{HOST} *not bold* <a href=x>'
FOREIGN = f"""() => [
  ...document.querySelectorAll('a[href*="{HOST}"], img[src*="{HOST}"], [onerror], [onload]'),
  ...document.querySelectorAll('script:not([src])'),
].filter(one => !one.closest('head')).map(one => one.outerHTML)
  .concat(window.pwned ? ['a script ran'] : [])"""


@pytest.mark.timeout(300)
def test_no_name_is_a_link_an_image_or_a_script(page, server, until, tmp_path):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    plan = {
        "name": NAME,
        "setup": {"steps": 40, "train_size": 320},
        "arms": [
            {"name": name, "tricks": [{"id": one}] if one else []}
            for name, one in zip(ARMS, TRICKS, strict=True)
        ],
        "seeds": list(range(7)),
    }
    bench = Bench(server.home)
    id = bench.launch(parse(plan))
    bench.train_all()
    nowhere = quote(f"x\n\n# big\n\n![i](http://{HOST}/d.png) http://{HOST}")
    seen = "document.body.innerText.replaceAll('\\u2060', '')"
    for address, text in (
        (f"?experiment={id}", "not bold* <a href="),
        (f"?plan={pack(plan)}", "not bold* <a href="),
        (f"runs?experiment={id}", "not bold* <a href="),
        (f"compare?experiments={id}", f"![i](http://{HOST}/b.png)"),
        (f"?experiment={nowhere}", "Nothing to watch here"),
        (f"runs?experiment={nowhere}", "There is no experiment"),
        (f"compare?experiments={nowhere}&group={nowhere}", "There is no experiment"),
        (f"catalog?trick={nowhere}", "No such trick"),
        (f"catalog?q={nowhere}", "No trick matches"),
    ):
        page.goto(f"{server.url}/{address}")
        until(lambda wanted=text: wanted in page.evaluate(seen), 60, text)
        assert page.evaluate(FOREIGN) == [], address
    assert [url for url in asked if HOST in url.split("?")[0]] == []

    page.goto(f"{server.url}/?experiment={id}")
    page.get_by_role("button", name="Chart menu").first.click(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="CSV").click()
    file = tmp_path / "chart.csv"
    download.value.save_as(file)
    assert Path(download.value.suggested_filename).name == download.value.suggested_filename
    rows = list(csv.reader(file.read_text("utf-8").splitlines()))
    assert {f"'{ARMS[2]}", "'None"} <= {cell for row in rows for cell in row}
    assert not any(cell.startswith("=") for row in rows for cell in row)
