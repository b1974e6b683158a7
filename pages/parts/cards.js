// A card per arm: its sign, its number, a dot per run; pressed, it hides the arm everywhere.

function drawCards(state) {
  const { data, part, memory } = state;
  if (state.cards.length !== data.arms.length) {
    state.cards = data.arms.map((_, i) => card(state, i));
    part('cards').replaceChildren(...state.cards);
  }
  data.arms.forEach((arm, i) => {
    const button = state.cards[i], shown = !memory.hidden.has(i);
    button.style.setProperty('--arm', `var(--arm-${arm.slot})`);
    button.setAttribute('aria-pressed', String(shown));
    button.setAttribute('aria-label', arm.label);
    button.title = shown ? 'Hide this arm; double-click for it alone' : 'Show this arm';
    const put = (name, text) => {
      const place = button.querySelector(`.tb-${name}`);
      if (place.textContent !== text) place.textContent = text;
    };
    const swatch = button.querySelector('.tb-swatch');
    if (!swatch.firstChild) swatch.innerHTML = arm.swatch;
    put('name', arm.name);
    put('value', arm.value);
    put('half', arm.half);
    put('n', arm.n);
    const dots = button.querySelector('.tb-dots');
    if (arm.count) { put('dots', arm.count); return; }
    const same = dots.children.length === arm.dots.length;
    if (!same) dots.replaceChildren(...arm.dots.map(() => document.createElement('i')));
    arm.dots.forEach(([kind, said], at) => {
      const dot = dots.children[at];
      if (dot.className !== kind) dot.className = kind;
      if (dot.title !== said) dot.title = said;
    });
  });
}

function card(state, i) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tb-card';
  button.innerHTML =
    '<span class="tb-swatch"></span><span class="tb-name"></span>' +
    '<span class="tb-number"><b class="tb-value"></b> <small class="tb-half"></small></span>' +
    '<span class="tb-dots" aria-hidden="true"></span><small class="tb-n"></small>';
  button.addEventListener('click', () => {
    if (!state.memory.hidden.delete(i)) state.memory.hidden.add(i);
    remember(state);
    drawAtOnce(state);
  });
  button.addEventListener('dblclick', () => {
    const others = state.data.arms.map((_, at) => at).filter((at) => at !== i);
    const alone = others.every((at) => state.memory.hidden.has(at));
    state.memory.hidden = new Set(alone ? [] : others);
    remember(state);
    drawAtOnce(state);
  });
  return button;
}
