// The little that HTML alone cannot do: ages, countdowns, charts, the theme button, the live light.
"use strict";
(() => {
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Ages and countdowns ---------------------------------------------------------------------
  const span = (seconds) => {
    const s = Math.abs(Math.round(seconds));
    if (s < 60) return `${s} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 86400) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} d`;
  };
  const tick = () => {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const left = (Date.parse(element.dateTime) - Date.now()) / 1000;
      if ("until" in element.dataset) {
        const s = Math.max(0, Math.floor(left));
        element.textContent = left > 0 ? `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}` : "too late";
        element.classList.toggle("late", left < 60);
      } else {
        element.dataset.ago = left > 0 ? `in ${span(left)}` : `${span(left)} ago`;
      }
    }
  };

  // Charts ----------------------------------------------------------------------------------
  const utc = (at) => uPlot.tzDate(new Date(at * 1e3), "Etc/UTC");
  const axes = (money) => {
    const colour = style("--pico-muted-color");
    const grid = { stroke: style("--pico-muted-border-color"), width: 1 };
    const two = (n) => String(n).padStart(2, "0");
    const times = (plot, all) => all.map((at) => {
      const d = new Date(at * 1e3), range = plot.scales.x.max - plot.scales.x.min;
      const day = `${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
      const hour = `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
      if (range > 4 * 86400) return day;
      return range > 86400 ? `${day} ${hour}` : range < 600 ? `${hour}:${two(d.getUTCSeconds())}` : hour;
    });
    const values = (_, all) => all.map((v) => (money ? dollars(v) : v.toFixed(2)));
    return [{ stroke: colour, grid, values: times, space: 90 }, { stroke: colour, grid, size: 60, values }];
  };
  const dollars = (v) => `${v < 0 ? "−" : ""}$${Math.abs(v).toFixed(2)}`;
  const fill = (value, count) => Array(count).fill(value);

  // A line needs a beginning at nothing and an end at now.
  const framed = ({ at, total }) => {
    if (!at.length) return [at, total];
    const now = Date.now() / 1e3, lead = Math.max(60, (now - at[0]) * 0.02);
    return [[at[0] - lead, ...at, now], [0, ...total, total.at(-1)]];
  };
  const profitChart = (data) => ({
    series: [{ label: "UTC" }, { label: "Profit", stroke: style("--gain"), fill: style("--gain-soft"), width: 2, points: { show: data.at.length < 60 }, paths: uPlot.paths.stepped({ align: 1 }), value: (_, v) => (v == null ? "–" : dollars(v)) }],
    rows: framed(data), money: true, empty: data.at.length === 0 && "Nothing has been booked yet.",
  });

  const priceChart = (data) => {
    const lines = [
      ["Bid", data.bid, style("--gain"), 2],
      ["Ask", data.ask, style("--loss"), 1],
      ["Threshold", fill(data.threshold, data.at.length), style("--pico-muted-color"), 1, [4, 4]],
    ];
    if (data.entry != null) lines.push(["Entry", fill(data.entry, data.at.length), style("--pico-primary"), 1, [2, 3]]);
    if (data.target != null) lines.push(["Target", fill(data.target, data.at.length), style("--gain"), 1, [6, 4]]);
    if (data.stop != null) lines.push(["Stop", fill(data.stop, data.at.length), style("--loss"), 1, [6, 4]]);
    const value = (_, v) => (v == null ? "–" : v.toFixed(4).replace(/0{1,2}$/, ""));
    return {
      series: [{ label: "UTC" }, ...lines.map(([label, , stroke, width, dash]) => ({ label, stroke, width, dash, value, points: { show: false }, spanGaps: true }))],
      rows: [data.at, ...lines.map((line) => line[1])], money: false, marks: data.marks, span: [data.since, data.until],
      empty: data.at.length < 2 && "No prices were recorded during this trade.",
    };
  };

  const drawMarks = (marks) => (plot) => {
    const ink = plot.ctx, { top, height, left, width } = plot.bbox;
    ink.save();
    for (const mark of marks) {
      const x = plot.valToPos(mark.at, "x", true);
      if (x < left || x > left + width) continue;
      ink.strokeStyle = ink.fillStyle = style(mark.kind === "touch" ? "--warn" : mark.kind === "fill" ? "--pico-primary" : "--gain");
      ink.lineWidth = 1;
      ink.beginPath(); ink.moveTo(x, top); ink.lineTo(x, top + height); ink.stroke();
      ink.beginPath(); ink.arc(x, top + 6, 5, 0, 7); ink.fill();
    }
    ink.restore();
  };

  const plots = new Map();
  const draw = async (element) => {
    let data;
    try {
      const answer = await fetch(element.dataset.url, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      data = await answer.json();
    } catch { return; }
    const text = JSON.stringify(data) + document.documentElement.dataset.theme + element.clientWidth;
    if (plots.get(element)?.text === text) return;
    const chart = element.dataset.chart === "profit" ? profitChart(data) : priceChart(data);
    plots.get(element)?.plot?.destroy();
    element.replaceChildren();
    if (chart.empty) {
      const note = document.createElement("p");
      note.className = "nothing";
      note.textContent = chart.empty;
      element.append(note);
      plots.set(element, { text });
      return;
    }
    const options = {
      width: element.clientWidth, height: element.clientHeight - 40, tzDate: utc,
      scales: chart.span ? { x: { range: chart.span } } : {}, series: chart.series, axes: axes(chart.money), cursor: { drag: { x: true, y: false } },
      hooks: { draw: chart.marks ? [drawMarks(chart.marks)] : [] },
    };
    plots.set(element, { text, plot: new uPlot(options, chart.rows, element) });
    if (chart.marks?.length) {
      const list = document.createElement("p");
      list.className = "sub marks";
      list.textContent = chart.marks.map((m) => m.title).join(" · ");
      element.append(list);
    }
  };
  const drawAll = () => { for (const element of document.querySelectorAll("[data-chart]")) draw(element); };

  // Theme -----------------------------------------------------------------------------------
  document.getElementById("theme")?.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("touchline-theme", root.dataset.theme);
    drawAll();
  });

  // The live light --------------------------------------------------------------------------
  const light = document.getElementById("link");
  const say = (kind, text) => { if (light && light.textContent !== text) { light.className = `link ${kind}`; light.textContent = text; } };
  document.addEventListener("htmx:sse:after:connection", () => say("good", "live"));
  document.addEventListener("htmx:sse:after:message", () => { say("good", "live"); tick(); });
  document.addEventListener("htmx:sse:error", () => say("bad", "not live: reconnecting"));
  document.addEventListener("htmx:sse:close", () => say("bad", "not live"));
  document.addEventListener("htmx:after:swap", tick);

  tick();
  drawAll();
  setInterval(tick, 1000);
  setInterval(() => { if (!document.hidden) drawAll(); }, 5000);
  addEventListener("resize", drawAll);
})();
