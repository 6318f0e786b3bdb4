// Runs in the page around the frame `f`; the page in the frame itself may run nothing.
addEventListener("load", () => {
  const page = document.getElementById("f").contentDocument;
  const all = (selector) => [...page.querySelectorAll(selector)].filter((e) => e.getClientRects().length > 0);
  const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      const parts = numbers(color);
      if (parts.length === 3 || parts[3] > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const pictures = all("svg.picture");
  const picture = pictures[0];
  const inside = (selector) => [...picture.querySelectorAll(selector)];
  // A column's name and its type stand in one row of its box.
  const overlaps = inside(".box g")
    .map((row) => [row.querySelector(".column"), row.querySelector(".type")])
    .filter(([name, type]) => name.getBBox().x + name.getBBox().width > type.getBBox().x)
    .map(([name]) => name.textContent);
  // WCAG's 4.5 for text of this size.
  const faint = all("p, span, b, summary, code, small, h2, mark, footer")
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .filter((e) => contrast(getComputedStyle(e).color, behind(e)) < 4.5)
    .map((e) => `${e.className}: ${e.textContent.slice(0, 30)} ${getComputedStyle(e).color} on ${behind(e)}`);
  const hostile = [...page.querySelectorAll(".row .name")].map((e) => e.textContent.trim()).find((t) => t.includes("shoe"));
  document.getElementById("result").textContent = JSON.stringify({
    width: page.documentElement.clientWidth,
    scroll_width: page.documentElement.scrollWidth,
    pictures: pictures.map((p) => p.classList[1]),
    picture_width: picture.getBoundingClientRect().width,
    boxes: inside(".box").length,
    added_boxes: inside(".box.added").length,
    lines: inside(".link").length,
    overlaps: [...new Set(overlaps)],
    faint: [...new Set(faint)].slice(0, 12),
    hostile: hostile || null,
    background: getComputedStyle(page.body).backgroundColor,
  });
});
