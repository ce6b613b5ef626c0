// Drawing what was proven. Text goes in as text: a file cannot bring markup into the page.

const $ = (id) => document.getElementById(id);

/** A new element with text or children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const number = (value) => String(Math.fround(value) === value && !Number.isInteger(value) ? shortest(value) : value);

/** The shortest decimal that is this float32 again. */
function shortest(value) {
  for (let digits = 1; digits < 10; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return Number(text);
  }
  return value;
}

/** Height, width and planes of a picture that the cells of a sample can be seen as, or null. */
function pictureOf(shape) {
  const cells = shape.reduce((product, size) => product * size, 1);
  const sizes = shape.filter((size) => size > 1);
  if (sizes.length === 3 && sizes[0] === 3) return { planes: 3, height: sizes[1], width: sizes[2] };
  if (sizes.length === 2) return { planes: 1, height: sizes[0], width: sizes[1] };
  const side = Math.round(Math.sqrt(cells));
  if (sizes.length === 1 && side * side === cells && side >= 6) return { planes: 1, height: side, width: side };
  return null;
}

/** Cells as grey values or colours, from the least to the greatest. */
function picture(cells, { planes, height, width }) {
  const canvas = element("canvas", { width, height, className: "picture" });
  let least = Infinity, greatest = -Infinity;
  for (const cell of cells) {
    if (cell < least) least = cell;
    if (cell > greatest) greatest = cell;
  }
  const scale = 255 / (greatest - least || 1);
  const image = new ImageData(width, height);
  const plane = planes === 3 ? height * width : 0;
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = (cells[i + c * plane] - least) * scale;
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label",
    `The proven input as a picture, ${width} by ${height}, from ${number(least)} (dark) to ${number(greatest)} (light)`);
  return canvas;
}

/** Numbers with bars from zero, as a table. */
function bars(values, integers, indices, best) {
  const low = indices.reduce((least, i) => Math.min(least, values[i]), 0);
  const high = indices.reduce((greatest, i) => Math.max(greatest, values[i]), 0);
  const place = (value) => 100 * (value - low) / (high - low || 1);
  const rows = indices.map((i) => {
    const [from, to] = [place(Math.min(0, values[i])), place(Math.max(0, values[i]))];
    const bar = element("span", { className: "bar" });
    bar.style.left = `${from}%`;
    bar.style.width = `${Math.max(to - from, 0.5)}%`;
    const axis = element("span", { className: "axis" });
    axis.style.left = `${place(0)}%`;
    const row = element("tr", { className: i === best ? "best" : "" },
      element("th", { scope: "row" }, String(i)),
      element("td", { className: "track", ariaHidden: "true" }, element("div", {}, axis, bar)),
      element("td", { className: "value" }, number(values[i])));
    if (integers) row.append(element("td", { className: "code" }, String(integers[i])));
    return row;
  });
  const head = element("tr", {}, element("th", { scope: "col" }, "Cell"), element("td", {}),
    element("th", { scope: "col" }, "Value"));
  if (integers) head.append(element("th", { scope: "col" }, "Integer"));
  return element("table", { className: "bars" }, element("thead", {}, head), element("tbody", {}, ...rows));
}

/** Tokens, one box each. */
function tokens(cells) {
  return element("ol", { className: "tokens", ariaLabel: "Tokens" }, ...Array.from(cells, (cell) => element("li", {}, String(cell))));
}

/** A list of terms and descriptions. */
function describe(list, rows) {
  list.replaceChildren(...rows.filter(Boolean).map(([term, value, extra]) =>
    element("div", {}, element("dt", {}, term),
      element("dd", {}, value, ...(extra ? [element("small", {}, extra)] : [])))));
}

/** A length of time for people. */
const time = (ms) => ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;

/** A number of bytes for people. */
const size = (bytes) => bytes < 1e3 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
