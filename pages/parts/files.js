// Files that are made in the browser, of what it has drawn.

// "Which one wins?", "Test loss" -> Which-one-wins_Test-loss.svg
function fileName(parts, ending) {
  const plain = parts.map((part) => part.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, ''));
  return `${plain.filter(Boolean).join('_').slice(0, 120)}.${ending}`;
}

function save(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

// A person's own words in a spreadsheet: never a formula, and never missing (trainer/names.py). A
// number stays one.
const CALCULATES = /^\s*[-=+@＝＋－＠]/;
const ABSENT = new Set(['NA', 'N/A', 'n/a', '<NA>', '#N/A', '#N/A N/A', '#NA', 'NULL', 'null', 'None',
  'nan', 'NaN', '-nan', '-NaN']);

const COLUMNS = ['arm', 'kind', 'x', 'y', 'low', 'high'];

// `remark` is a line before the columns, if there is something to say.
function csvFile(rows, columns = COLUMNS, remark = '') {
  const cell = (value) => {
    let text = String(value ?? '');
    const word = typeof value === 'string' && ABSENT.has(text.trim());
    if (word || (CALCULATES.test(text) && !Number.isFinite(Number(text)))) text = `'${text}`;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const lines = [columns, ...rows].map((row) => row.map(cell).join(','));
  if (remark) lines.unshift(remark);
  return new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv;charset=utf-8' });
}

const svgFile = (svg) => new Blob([svg], { type: 'image/svg+xml' });

// An SVG as a PNG, twice as fine, in the page's own letters.
async function pngOf(svg, width, height) {
  const fonts = await ownFonts();
  const image = new Image();
  const whole = svg.replace(/(<svg[^>]*>)/, `$1<style>${fonts}</style>`);
  image.src = URL.createObjectURL(new Blob([whole], { type: 'image/svg+xml' }));
  try {
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = 2 * width;
    canvas.height = 2 * height;
    canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => { canvas.toBlob(done, 'image/png'); });
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

// An image inside a page sees none of its fonts: they have to be in it.
function ownFonts() {
  window.trickboardFonts ??= Promise.all(fontRules().map(async ({ family, weight, href }) => {
    const answer = await fetch(href);
    if (!answer.ok) return '';
    const bytes = new Uint8Array(await answer.arrayBuffer());
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return `@font-face{font-family:"${family}";font-weight:${weight || 'normal'};` +
      `src:url(data:font/woff2;base64,${btoa(text)})}`;
  })).then((faces) => faces.join(''), (error) => {
    console.warn('The picture is made with other letters:', error);
    return '';
  });
  return window.trickboardFonts;
}

function fontRules() {
  const found = [];
  for (const sheet of document.styleSheets) {
    if (sheet.href && new URL(sheet.href).origin !== location.origin) continue; // cannot be read
    for (const rule of sheet.cssRules) {
      if (!(rule instanceof CSSFontFaceRule)) continue;
      const value = (name) => rule.style.getPropertyValue(name);
      const family = value('font-family').replace(/["']/g, '');
      const file = /url\(["']?([^"')]+)/.exec(value('src'))?.[1];
      if (!/^Source (Sans|Serif)/.test(family) || value('font-style') === 'italic' || !file) continue;
      const href = new URL(file, sheet.href ?? document.baseURI);
      found.push({ family, weight: value('font-weight'), href });
    }
  }
  return found;
}

function fullScreen(figure) {
  if (document.fullscreenElement === figure) return document.exitFullscreen();
  return figure.requestFullscreen();
}
