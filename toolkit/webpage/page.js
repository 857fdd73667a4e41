const byId = (id) => document.getElementById(id);
const svgNames = new Set(["svg", "path", "line", "rect", "circle", "text", "g", "title"]);

// Every string becomes a text node or an attribute value: names are never read as markup.
function make(tag, attributes, ...children) {
  const node = svgNames.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? "" : value);
  }
  node.append(
    ...children
      .flat()
      .filter((child) => child !== null && child !== undefined && child !== "")
      .map(plain)
  );
  return node;
}
// Characters that are not seen but turn or break a line (a name that reads "4pm.png" and ends in "gnp.mp4")
// are spelled out.
function plain(child) {
  const unseen = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  return typeof child === "string"
    ? child.replace(unseen, (one) => "\\u" + one.charCodeAt(0).toString(16).padStart(4, "0"))
    : child;
}

const known = (value) => typeof value === "number" && Number.isFinite(value);
const arrowOf = (column) => (column.higher === null ? "" : column.higher ? "↑" : "↓");

// As Python prints it: what lies exactly in the middle goes to the even digit, so that a page and a terminal
// say one number.
function digits(value, count) {
  const whole = Math.abs(value), exact = whole.toFixed(Math.min(100, count + 40));
  let text = whole.toFixed(count);
  if (/^50*$/.test(exact.slice(exact.indexOf(".") + 1 + count)) && Number(text.at(-1)) % 2)
    text = exact.slice(0, exact.indexOf(".") + (count ? 1 + count : 0));
  return value < 0 && Number(text) !== 0 ? "−" + text : text;
}

// ---- drawing ----
function niceTicks(low, high, wanted) {
  const raw = (high - low) / wanted || 1, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(tick);
  return { ticks, places: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}
const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);
const line = (x1, y1, x2, y2, name) => make("line", { x1, y1, x2, y2, class: name });

function path(points) {  // gaps where y is missing
  let pen = false, steps = "";
  for (const [x, y] of points) {
    if (y === null) { pen = false; continue; }
    steps += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  }
  return steps;
}

function follow(svg, points, x, y, box, readout) {  // a hair line and the value under the pointer
  const hair = line(0, box.top, 0, box.floor, "hair"),
    text = make("text", { x: box.right, y: box.top - 1, "text-anchor": "end", class: "read" });
  hair.style.display = "none";
  svg.append(hair, text);
  svg.addEventListener("pointermove", (event) => {
    const rim = svg.getBoundingClientRect(), at = ((event.clientX - rim.left) / rim.width) * box.W;
    const near = points.reduce(
      (best, point) => (best && Math.abs(x(best[0]) - at) <= Math.abs(x(point[0]) - at) ? best : point),
      null
    );
    if (!near) return;
    hair.style.display = ""; hair.setAttribute("x1", x(near[0])); hair.setAttribute("x2", x(near[0]));
    text.textContent = readout(near[0], near[1]);
  });
  svg.addEventListener("pointerleave", () => { hair.style.display = "none"; text.textContent = ""; });
}
const nothing = (caption, why) =>
  make("figure", {}, make("figcaption", {}, make("span", {}, caption)), make("div", { class: "void" }, why));

function drawPublished(tables) {
  tables.forEach((table, place) => {
    const rows = table.rows.map(([section, method, values], at) => {
      const starts = at === 0 || table.rows[at - 1][0] !== section;
      const name = starts && section ? make("span", {}, section.replaceAll("_", " "), " · ") : "";
      return make(
        "tr",
        { class: starts ? "first" : "" },
        make("td", {}, name, method.replaceAll("_", " ")),
        values.map((value) => make("td", {}, value))
      );
    });
    const head = make(
      "tr",
      {},
      make("th", {}),
      table.columns.map((column) => make("th", { scope: "col" }, column.replaceAll("_", "-")))
    );
    byId("published").append(
      make(
        "details",
        { open: place === 0 },
        make(
          "summary",
          {},
          table.title,
          table.apart ? make("span", { class: "soft small" }, " · not from the paper") : null
        ),
        table.note ? make("p", { class: "soft small" }, table.note) : null,
        make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, rows)))
      )
    );
  });
}
const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
