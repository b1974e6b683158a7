// The theme inside a component: Streamlit gives CSS variables, these lines make them usable.

function themeOf(root) {
  const css = getComputedStyle(root);
  const value = (name) => css.getPropertyValue(`--st-${name}`).trim();
  const text = value('text-color'), paper = value('background-color');
  return {
    text,
    paper,
    arms: value('chart-categorical-colors').split(/,(?![^(]*\))/).map((one) => one.trim()),
    quiet: mixed(text, paper, 0.7),
    grid: mixed(value('border-color'), paper, 0.6),
    border: value('border-color'),
    hover: value('secondary-background-color'),
    red: value('red-color'),
    font: value('font'),
  };
}

// A solid color between two, because plotly reads no color-mix().
function mixed(over, under, share) {
  const a = channels(over), b = channels(under);
  if (!a || !b) return over;
  return `rgb(${a.map((one, i) => Math.round(share * one + (1 - share) * b[i])).join(', ')})`;
}

function channels(color) {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(color);
  if (!hex) return color.match(/[\d.]+/g)?.slice(0, 3).map(Number);
  const wide = hex[1].length < 6 ? hex[1].replace(/./g, '$&$&') : hex[1];
  return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16));
}

// Put the theme into the variables that style sheets and swatches use.
function painted(root) {
  const theme = themeOf(root);
  theme.arms.forEach((color, i) => root.style.setProperty(`--arm-${i}`, color));
  for (const name of ['quiet', 'grid']) root.style.setProperty(`--tb-${name}`, theme[name]);
  return theme;
}

// Call back when the theme was switched: Streamlit then changes a class above the component.
function onTheme(root, call) {
  const watch = new MutationObserver(call);
  for (let up = root.parentElement; up && up !== document.body; up = up.parentElement) {
    watch.observe(up, { attributes: true, attributeFilter: ['class'] });
    if (up.classList.contains('stBidiComponent')) break;
  }
  return () => watch.disconnect();
}
