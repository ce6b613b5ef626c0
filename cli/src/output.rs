//! Standard output: JSON, one object a line, or text for people.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::error::CliError;

/// Where results go, and in which of the two forms.
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints `object` as a line of JSON, or `text` where JSON was not asked for.
    pub(crate) fn result(
        &self,
        object: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        if self.json {
            self.object(object)
        } else {
            write_line(&text())
        }
    }

    /// Prints a line of JSON, if JSON was asked for.
    pub(crate) fn object(&self, object: &impl Serialize) -> Result<(), CliError> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(object)
            .map_err(|error| CliError::input(format!("result: {error}")))?;
        write_line(&line)
    }

    /// Prints text, unless JSON was asked for.
    pub(crate) fn text(&self, text: &str) -> Result<(), CliError> {
        if self.json { Ok(()) } else { write_line(text) }
    }

    /// Whether pictures may use block characters: people at a UTF-8 terminal.
    pub(crate) fn has_blocks(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok());
        let is_utf8 = |locale: String| {
            locale
                .to_ascii_lowercase()
                .replace('-', "")
                .contains("utf8")
        };
        std::io::stdout().is_terminal()
            && locale
                .into_iter()
                .find(|value| !value.is_empty())
                .is_some_and(is_utf8)
    }
}

/// `println!` would panic when nobody listens.
fn write_line(line: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")
        .and_then(|()| stdout.flush())
        .map_err(|error| CliError::input(format!("standard output cannot be written: {error}")))
}

/// A table of labels and values, the values aligned.
pub(crate) fn aligned(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(label, value)| format!("{label:width$}  {value}"))
        .collect();
    lines.join("\n")
}

/// Bytes with a unit, in steps of 1000.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} KB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// Seconds with a precision that suits them.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.0} s")
    }
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Integers as a list.
pub(crate) fn list(values: &[i32]) -> String {
    let values: Vec<String> = values.iter().map(i32::to_string).collect();
    values.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            ["1", "12", "123", "1,234", "1,234,567"],
            [1, 12, 123, 1234, 1_234_567].map(grouped).as_slice()
        );
        assert_eq!(bytes(9_999), "9999 B");
        assert_eq!(bytes(66_322), "66.3 KB");
        assert_eq!(bytes(66_322_000), "66.3 MB");
        assert_eq!(seconds(0.074), "0.07 s");
        assert_eq!(seconds(74.4), "74 s");
        assert_eq!(
            aligned(&[("a", "1".into()), ("long", "2".into())]),
            "a     1\nlong  2"
        );
    }
}
