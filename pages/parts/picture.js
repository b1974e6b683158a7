// A figure made of HTML as one SVG: every word, ground, line and drawing where the page has it.

const EDGE = 20; // pixels of page around it
const PAINTED = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin',
  'paint-order', 'opacity', 'font-size', 'font-weight', 'font-family', 'text-anchor'];
const LEFT_OUT = '.tb-dots-button, .tb-menu, .tb-table, .tb-trouble, caption, title';

function pictured(figure, heading) {
  const theme = themeOf(figure), box = figure.getBoundingClientRect();
  const top = heading ? EDGE + 26 : EDGE;
  const width = Math.ceil(box.width + 2 * EDGE), height = Math.ceil(box.height + top + EDGE);
  const parts = [];
  shapes(figure, parts, { x: EDGE - box.left, y: top - box.top });
  const title = heading ? `<text x="${EDGE}" y="${EDGE + 8}" font-size="13" ` +
    `font-family="${quoted(theme.font)}" fill="${theme.quiet}">${markup(heading)}</text>` : '';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}"><rect width="100%" height="100%" fill="${theme.paper}"/>` +
    `${title}${parts.join('')}</svg>`;
  return { svg, width, height };
}

function shapes(element, parts, shift) {
  if (element.matches(LEFT_OUT)) return;
  const css = getComputedStyle(element);
  if (css.display === 'none' || css.visibility === 'hidden' || css.opacity === '0') return;
  if (css.opacity !== '1') parts.push(`<g opacity="${css.opacity}">`);
  if (element.tagName === 'svg') parts.push(drawing(element, shift));
  else if (element.tagName === 'IMG') parts.push(photo(element, shift));
  else {
    parts.push(ground(element.getBoundingClientRect(), css, shift));
    for (const child of element.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) words(child, css, parts, shift);
      else if (child.nodeType === Node.ELEMENT_NODE) shapes(child, parts, shift);
    }
  }
  if (css.opacity !== '1') parts.push('</g>');
}

function ground(box, css, shift) {
  const x = box.left + shift.x, y = box.top + shift.y, { width, height } = box;
  let found = '';
  const paper = solid(css.backgroundColor);
  if (paper && width && height) {
    const round = Math.min(parseFloat(css.borderTopLeftRadius) || 0, width, height);
    const corner = css.borderTopLeftRadius.endsWith('%') ? Math.min(width, height) / 2 : round;
    found += `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${corner}" ${paper}/>`;
  }
  const sides = {
    Top: [x, y, x + width, y], Bottom: [x, y + height, x + width, y + height],
    Left: [x, y, x, y + height], Right: [x + width, y, x + width, y + height],
  };
  for (const [side, [x1, y1, x2, y2]] of Object.entries(sides)) {
    const wide = parseFloat(css[`border${side}Width`]), ink = solid(css[`border${side}Color`]);
    if (!wide || css[`border${side}Style`] === 'none' || !ink) continue;
    found += `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke-width="${wide}" ` +
      `${ink.replace(/fill/g, 'stroke')}/>`;
  }
  return found;
}

// A line of text after the other, each exactly as wide as on the page whatever the letters are.
function words(node, css, parts, shift) {
  const range = document.createRange();
  const lines = [];
  for (const { 0: word, index } of node.data.matchAll(/\S+\s*/g)) {
    range.setStart(node, index);
    range.setEnd(node, index + word.trimEnd().length);
    const box = range.getBoundingClientRect();
    if (!box.width) continue;
    const last = lines.at(-1);
    if (last && Math.abs(last.top - box.top) < 2) {
      last.text += ` ${word.trimEnd()}`;
      last.right = box.right;
    } else lines.push({ text: word.trimEnd(), top: box.top, left: box.left, right: box.right });
  }
  const ascent = ascentOf(css), ink = solid(css.color);
  for (const { text, top, left, right } of lines) {
    parts.push(`<text x="${left + shift.x}" y="${top + shift.y + ascent}" ` +
      `font-family="${quoted(css.fontFamily)}" font-size="${css.fontSize}" ` +
      `font-weight="${css.fontWeight}" textLength="${right - left}" ` +
      `lengthAdjust="spacingAndGlyphs" ${ink}>${markup(text)}</text>`);
  }
}

let ruler;

function ascentOf(css) {
  ruler ??= document.createElement('canvas').getContext('2d');
  ruler.font = `${css.fontWeight} ${css.fontSize} ${css.fontFamily}`;
  return ruler.measureText('x').fontBoundingBoxAscent;
}

// A drawing of the page, its style written into it: the file has no style sheet.
function drawing(svg, shift) {
  const box = svg.getBoundingClientRect(), copy = svg.cloneNode(true);
  const given = [svg, ...svg.querySelectorAll('*')], made = [copy, ...copy.querySelectorAll('*')];
  given.forEach((one, i) => {
    const css = getComputedStyle(one), to = made[i];
    if (css.display === 'none') { to.setAttribute('display', 'none'); return; }
    for (const name of PAINTED) {
      const value = css.getPropertyValue(name);
      to.setAttribute(name, value.replace(/color\(srgb[^)]*\)/g, (one) => plainColor(one)));
    }
    if (one.tagName === 'svg' && css.overflow === 'visible') to.setAttribute('overflow', 'visible');
    if (css.transform !== 'none' && one !== svg) to.setAttribute('transform', css.transform);
    for (const name of ['class', 'style']) to.removeAttribute(name);
  });
  for (const one of copy.querySelectorAll('title')) one.remove();
  const place = { x: box.left + shift.x, y: box.top + shift.y, width: box.width, height: box.height };
  for (const [name, value] of Object.entries(place)) copy.setAttribute(name, value);
  copy.setAttribute('overflow', 'visible');
  return new XMLSerializer().serializeToString(copy);
}

function photo(image, shift) {
  const box = image.getBoundingClientRect();
  return `<image x="${box.left + shift.x}" y="${box.top + shift.y}" width="${box.width}" ` +
    `height="${box.height}" image-rendering="pixelated" href="${quoted(image.src)}"/>`;
}

// A computed color as attributes; nothing for one that cannot be seen.
function solid(color) {
  const [, r, g, b, alpha] = /rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)/.exec(plainColor(color)) ??
    [];
  if (r === undefined || alpha === '0') return '';
  return `fill="rgb(${r}, ${g}, ${b})"${alpha ? ` fill-opacity="${alpha}"` : ''}`;
}

// color-mix() is computed to color(srgb 0.1 0.2 0.3 / 0.4), which few programs know.
function plainColor(color) {
  const parts = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)$/.exec(color);
  if (!parts) return color;
  const [r, g, b] = parts.slice(1, 4).map((one) => Math.round(255 * one));
  return `rgba(${r}, ${g}, ${b}, ${Number(parts[4] ?? 1).toFixed(3)})`;
}

const markup = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
const quoted = (text) => markup(text).replace(/"/g, '&quot;');
