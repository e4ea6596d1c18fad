// Run in the page. Each check gives back the places where something is wrong, in words, so that an empty list is a pass.
(() => {
  const channels = text => (text.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const isOpaque = colour => colour.length === 3 || colour[3] === 1;

  // The first colour behind an element; the document's is that of its body.
  const backgroundOf = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length >= 3 && isOpaque(colour)) {
        return colour;
      }
    }
    return [255, 255, 255];
  };
  const textElements = () => [...document.querySelectorAll('body *')].filter(element =>
    element.checkVisibility() && !element.closest('title, desc') && [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim() !== ''));
  const ratioOf = element => {
    const style = getComputedStyle(element);
    const ink = luminance(channels(element.closest('svg') ? style.fill : style.color));
    const paper = luminance(backgroundOf(element));
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  };
  const say = element => `${element.localName} "${element.textContent.trim().slice(0, 50)}"`;

  return {
    texts: () => textElements().length,
    contrast: () => textElements().filter(element => ratioOf(element) < 4.5).map(element => `${say(element)}: ${ratioOf(element).toFixed(2)}`),
    overflow: () => [document.documentElement.scrollWidth, document.documentElement.clientWidth],

    // Text of a chart that leaves the page or meets other text of the chart.
    chartTexts: () => [...document.querySelectorAll('svg.chart')].flatMap(chart => {
      const boxes = [...chart.querySelectorAll('text')].map(text => ({ text, box: text.getBoundingClientRect() }));
      const outside = boxes.filter(({ box }) => box.left < 0 || box.right > document.documentElement.clientWidth + 0.5).map(({ text }) => `${say(text)} is cut off`);
      const meets = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
      const overlaps = boxes.flatMap((one, i) => boxes.slice(i + 1).filter(other => meets(one.box, other.box)).map(other => `${say(one.text)} meets ${say(other.text)}`));
      return [...outside, ...overlaps];
    }),
    // What is wider than its frame: it has to scroll, and a shadow at the edge has to say so.
    cutWithoutHint: () => [...document.querySelectorAll('main *, header *, nav *')].filter(element =>
      element.checkVisibility() && !element.closest('svg') && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
      && getComputedStyle(element).overflowX !== 'visible'
      && !(getComputedStyle(element).overflowX === 'auto' && getComputedStyle(element).backgroundImage.includes('gradient'))).map(say),
    headingLevels: () => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].map(heading => Number(heading.localName[1])),

    // Charts without words for who cannot see them, or without a table behind them.
    chartsWithoutTable: () => [...document.querySelectorAll('svg[role=img]')].filter(chart => {
      const named = (chart.getAttribute('aria-labelledby') ?? '').split(' ').map(id => document.getElementById(id)?.textContent ?? '');
      return named.length !== 2 || named.includes('') || !chart.closest('figure')?.querySelector('details table tbody tr td');
    }).map(chart => chart.outerHTML.slice(0, 200)),
    charts: () => document.querySelectorAll('svg[role=img]').length,
    unnamedCharts: () => document.querySelectorAll('svg:not([role=img]):not(svg svg)').length,
    repeatedIds: () => [...document.querySelectorAll('[id]')].map(element => element.id).filter((id, i, all) => all.indexOf(id) !== i),
    brokenLinks: () => [...document.querySelectorAll('a')].map(link => link.getAttribute('href')).filter(href => !document.querySelector(href)),
    foreign: () => [...document.querySelectorAll('script, img, iframe, object, embed, link, form, [src], [onerror], [onload], [style]')].map(element => element.outerHTML),
    hiddenTables: () => [...document.querySelectorAll('table')].filter(table => !table.checkVisibility({ contentVisibilityAuto: true }) || table.getBoundingClientRect().height === 0).length,
    // Tables that are wider than their frame, which on paper cannot be scrolled.
    wideTables: () => [...document.querySelectorAll('.scroll')].filter(frame => frame.scrollWidth > frame.clientWidth).map(frame => frame.getAttribute('aria-label')),
    tables: () => document.querySelectorAll('table').length,
  };
})()
