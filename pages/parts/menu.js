// The menu at a chart's title. All of it works from the keyboard.

const DOTS = '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" ' +
  'fill="currentColor"><circle cx="3" cy="8" r="1.5"/><circle cx="8" cy="8" r="1.5"/>' +
  '<circle cx="13" cy="8" r="1.5"/></svg>';

// items: { label, act, checked?, when? }; the last two are asked whenever it opens.
function addMenu(figure, title, items) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tb-dots-button';
  button.title = 'Chart menu';
  button.innerHTML = DOTS;
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  button.setAttribute('aria-label', `Chart menu: ${title()}`);
  figure.classList.add('tb-figure');
  (figure.querySelector('figcaption') ?? figure).append(button);

  let menu;
  const close = (back) => {
    if (!menu) return;
    menu.remove();
    menu = undefined;
    button.setAttribute('aria-expanded', 'false');
    document.removeEventListener('pointerdown', outside, true);
    if (back) button.focus();
  };
  const outside = ({ target }) => {
    if (!menu.contains(target) && !button.contains(target)) close(false);
  };
  const open = (at) => {
    button.setAttribute('aria-label', `Chart menu: ${title()}`);
    menu = document.createElement('div');
    menu.className = 'tb-menu';
    menu.setAttribute('role', 'menu');
    menu.setAttribute('aria-label', `Chart menu: ${title()}`);
    menu.append(...items.filter((one) => one.when?.() ?? true).map((one) => entry(one, close, figure)));
    menu.addEventListener('keydown', (event) => keyed(event, menu, close));
    menu.style.top = `${button.offsetTop + button.offsetHeight + 4}px`;
    figure.append(menu);
    button.setAttribute('aria-expanded', 'true');
    document.addEventListener('pointerdown', outside, true);
    [...menu.children].at(at).focus({ preventScroll: true });
  };
  button.addEventListener('click', () => { if (menu) close(true); else open(0); });
  button.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    if (!menu) open(event.key === 'ArrowDown' ? 0 : -1);
  });
}

function entry({ label, act, checked }, close, figure) {
  const item = document.createElement('button');
  item.type = 'button';
  item.tabIndex = -1;
  item.textContent = label;
  item.setAttribute('role', checked ? 'menuitemcheckbox' : 'menuitem');
  if (checked) item.setAttribute('aria-checked', String(checked()));
  item.addEventListener('click', async () => {
    close(true);
    try {
      await act();
    } catch (error) {
      complain(figure, `${label} could not be made: ${error.message}`);
      throw error;
    }
  });
  return item;
}

function keyed(event, menu, close) {
  const items = [...menu.children], at = items.indexOf(document.activeElement);
  const to = { ArrowDown: (at + 1) % items.length, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) items.at(to).focus();
  else if (event.key === 'Escape') close(true);
  else if (event.key === 'Tab') { close(true); return; }
  else return;
  event.preventDefault();
  event.stopPropagation(); // Escape closes this, and nothing behind it
}

function complain(figure, text) {
  const line = figure.querySelector('.tb-trouble') ?? document.createElement('p');
  line.className = 'tb-trouble';
  line.setAttribute('role', 'status');
  line.textContent = text;
  figure.append(line);
}
