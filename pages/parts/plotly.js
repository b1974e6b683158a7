// plotly from this server, once for the page, whichever component asks first.

function plotly() {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.trickboardPlotly ??= new Promise((done, failed) => {
    const script = document.createElement('script');
    script.src = '/plotly/plotly.min.js';
    script.onload = () => done(window.Plotly);
    script.onerror = () => {
      window.trickboardPlotly = undefined;
      failed(new Error(script.src));
    };
    document.head.append(script);
  });
  return window.trickboardPlotly;
}
