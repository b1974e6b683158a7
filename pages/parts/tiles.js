// The tiles are plain links. Followed plainly they would load the page anew and lose the session,
// so a plain click is told to Python; with a modifier key the browser opens a tab as always.
export default function ({ parentElement: element, data, setTriggerValue }) {
  const root = element.querySelector('.tb-tiles');
  root.lang = data.lang;
  if (root.shown !== data.html) {
    root.innerHTML = data.html;
    root.shown = data.html;
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (wanted && root.reached !== wanted) {
      root.reached = wanted;
      document.getElementById(wanted)?.scrollIntoView();
    }
  }
  root.onclick = (event) => {
    const link = event.target.closest('a[data-trick]');
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    setTriggerValue('open', link.dataset.trick);
  };
}
