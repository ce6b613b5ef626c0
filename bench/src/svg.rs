//! Two kinds of chart as plain SVG: lines over logarithmic axes, and stacked bars.
//!
//! The colours follow the reader's theme; the background is painted, because a page's theme and the system's may
//! differ.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 70.0;

/// Colours of the series, light and dark.
const COLOURS: [(&str, &str); 5] = [
    ("#0969da", "#58a6ff"),
    ("#bc4c00", "#f0883e"),
    ("#1a7f37", "#56d364"),
    ("#8250df", "#bc8cff"),
    ("#6e7781", "#8b949e"),
];

const LIGHT: &str = ".page { fill: #ffffff } text { fill: #24292f } .grid { stroke: #d8dee4 }";
const DARK: &str = ".page { fill: #0d1117 } text { fill: #d0d7de } .grid { stroke: #30363d }";

/// Rules for both themes, without variables: not every viewer knows those.
fn style() -> String {
    let colours = |dark: bool| -> String {
        let rule = |(index, &(light, night)): (usize, &(&str, &str))| {
            let colour = if dark { night } else { light };
            format!(" .f{index} {{ fill: {colour} }} .s{index} {{ stroke: {colour} }}")
        };
        COLOURS.iter().enumerate().map(rule).collect()
    };
    format!(
        "<style>\ntext {{ font: 13px sans-serif }}\n.title {{ font-size: 16px; font-weight: bold }}\n\
         .line {{ fill: none; stroke-width: 2 }}\n{LIGHT}{}\n\
         @media (prefers-color-scheme: dark) {{ {DARK}{} }}\n</style>\n",
        colours(false),
        colours(true)
    )
}

/// A named row of values. In a line chart one point each; in a bar chart one segment of each bar.
#[derive(Clone, Debug)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// In the order of the chart's positions.
    pub values: Vec<f64>,
}

/// Escapes text for an XML element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A number as an axis shows it: short, without trailing zeros.
fn label(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

struct Canvas {
    body: String,
    height: f64,
}

impl Canvas {
    fn new(height: f64, title: &str, legend: &[Series]) -> Self {
        let mut canvas = Self {
            body: String::new(),
            height,
        };
        canvas.text(LEFT, 24.0, "start", "title", title);
        let mut x = LEFT;
        for (index, series) in legend.iter().enumerate() {
            canvas.push(format_args!(
                r#"<rect x="{x:.1}" y="40" width="12" height="12" class="f{index}"/>"#
            ));
            canvas.text(x + 18.0, 51.0, "start", "", &series.name);
            x += 34.0 + 7.2 * series.name.chars().count() as f64;
        }
        canvas
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{element}");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let text = escape(text);
        self.push(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    fn grid(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line class="grid" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    fn finish(self, title: &str) -> String {
        let Self { body, height } = self;
        let (title, style) = (escape(title), style());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\n\
             <title>{title}</title>\n{style}<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
        )
    }
}

/// Ticks at 1, 2 and 5 times powers of ten: enough to hold all values, with room below for a label.
fn logarithmic_ticks(values: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    let ticks: Vec<f64> = (-6..12)
        .flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(exponent)))
        .collect();
    let first = ticks
        .iter()
        .rposition(|&tick| tick <= 0.85 * least)
        .unwrap_or(0);
    let last = ticks.iter().position(|&tick| tick >= most);
    ticks[first..=last.unwrap_or(ticks.len() - 1).max(first + 1)].to_vec()
}

/// Lines through positive values over positive positions, both axes logarithmic.
///
/// `title` says what the y axis shows and in which unit; `x_label` does so for the x axis.
pub fn lines(title: &str, x_label: &str, x: &[f64], series: &[Series]) -> String {
    const HEIGHT: f64 = 400.0;
    let (bottom, right) = (HEIGHT - 60.0, WIDTH - RIGHT - 30.0);
    let mut canvas = Canvas::new(HEIGHT, title, series);
    let ticks = logarithmic_ticks(
        series
            .iter()
            .flat_map(|series| series.values.iter().copied()),
    );
    let position = |value: f64, low: f64, high: f64| (value / low).ln() / (high / low).ln();
    let (x_low, x_high) = (x[0], x[x.len() - 1]);
    let (y_low, y_high) = (ticks[0], ticks[ticks.len() - 1]);
    let at_x = |value: f64| LEFT + 44.0 + (right - LEFT - 44.0) * position(value, x_low, x_high);
    let at_y = |value: f64| bottom - (bottom - TOP) * position(value, y_low, y_high);
    for &tick in &ticks {
        let y = at_y(tick);
        canvas.grid((LEFT, y), (right + 20.0, y));
        canvas.text(LEFT - 8.0, y + 4.0, "end", "", &label(tick));
    }
    for &value in x {
        let at = at_x(value);
        canvas.grid((at, TOP), (at, bottom));
        canvas.text(at, bottom + 20.0, "middle", "", &label(value));
    }
    canvas.text((LEFT + right) / 2.0, bottom + 44.0, "middle", "", x_label);
    let highest = series.first().is_some_and(|first| {
        (series.iter()).all(|other| other.values.iter().zip(&first.values).all(|(a, b)| a <= b))
    });
    // The first line's values stand where no other line runs, if it is the highest or the lowest.
    let (label_x, label_y) = if highest { (6.0, -8.0) } else { (-6.0, 18.0) };
    let anchor = if highest { "start" } else { "end" };
    for (index, series) in series.iter().enumerate() {
        let points: Vec<(f64, f64)> = x
            .iter()
            .zip(&series.values)
            .map(|(&x, &y)| (at_x(x), at_y(y)))
            .collect();
        let path: Vec<String> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let path = path.join(" ");
        // Dashes tell lines apart where colours do not.
        let dash = ["none", "7 4", "2 4", "10 4 2 4"][index % 4];
        canvas.push(format_args!(
            r#"<polyline class="line s{index}" stroke-dasharray="{dash}" points="{path}"/>"#
        ));
        for ((x, y), &value) in points.iter().zip(&series.values) {
            canvas.push(format_args!(
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" class="f{index}"/>"#
            ));
            if index == 0 {
                canvas.text(x + label_x, y + label_y, anchor, "", &label(value));
            }
        }
    }
    canvas.finish(title)
}

/// One bar for each of `names`, its segments from left to right; the sum stands behind it.
pub fn stacked_bars(title: &str, names: &[String], series: &[Series]) -> String {
    const BAR: f64 = 22.0;
    const STEP: f64 = 34.0;
    const START: f64 = 190.0;
    let height = TOP + STEP * names.len() as f64 + 16.0;
    let mut canvas = Canvas::new(height, title, series);
    let sum = |bar: usize| -> f64 { series.iter().map(|series| series.values[bar]).sum() };
    let longest = (0..names.len()).map(sum).fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - RIGHT - 70.0 - START) / longest;
    for (bar, name) in names.iter().enumerate() {
        let y = TOP + STEP * bar as f64;
        canvas.text(START - 10.0, y + 16.0, "end", "", name);
        let mut x = START;
        for (index, series) in series.iter().enumerate() {
            let width = series.values[bar] * scale;
            canvas.push(format_args!(
                r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{BAR}" class="f{index}"/>"#
            ));
            x += width;
        }
        canvas.text(x + 8.0, y + 16.0, "start", "", &label(sum(bar)));
    }
    canvas.finish(title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_hold_every_value() {
        let ticks = |values: &[f64]| logarithmic_ticks(values.iter().copied());
        assert_eq!(ticks(&[3.0, 40.0]), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(ticks(&[10.0]), [5.0, 10.0]);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(
            [0.5, 2.0, 12.34, 256.0].map(label),
            ["0.5", "2", "12.3", "256"]
        );
    }

    #[test]
    fn text_is_escaped() {
        let chart = stacked_bars("a < b & c", &["x".to_owned()], &[]);
        assert!(chart.contains("<title>a &lt; b &amp; c</title>"));
    }
}
