//! Text in columns.

use std::fmt::Write as _;
use std::io::{self, Write};

/// Letters that a cell shows at most.
const CELL_MAX: usize = 40;

/// Prints to standard output. Whoever closed it does not want to read on, which is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Text in columns that are as wide as they need to be.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&name| name.to_owned()).collect()] }
    }

    pub(crate) fn row(&mut self, cells: &[String]) {
        self.rows.push(cells.iter().map(|cell| clean(cell).chars().take(CELL_MAX).collect()).collect());
    }

    /// Whether it has nothing but its head.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    pub(crate) fn finish(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let cell = |row: &'_ [String], column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| cell(row, column)).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, &width) in row.iter().zip(&widths) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

/// What an application calls itself must not move the cursor, nor turn the direction of what follows.
pub(crate) fn clean(text: &str) -> String {
    let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|&letter| !letter.is_control() && !turns(letter)).collect()
}

/// What is not known.
pub(crate) const UNKNOWN: &str = "-";

/// A cell of what may not be known.
pub(crate) fn or_unknown<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), show)
}

pub(crate) fn yes(is: bool) -> String {
    (if is { "yes" } else { "no" }).to_owned()
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(usec: u64) -> String {
    format!("{:.1} ms", usec as f64 / 1000.0)
}

/// Bytes with a unit that keeps them short.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_control_characters_go() {
        let mut table = Table::new(&["A", "B"]);
        assert!(table.is_empty());
        table.row(&["long\x1b[2J \u{202e}name".into(), "1".into()]);
        table.row(&["x".into(), "22".into()]);
        assert_eq!(table.finish(), "A             B\nlong[2J name  1\nx             22\n");
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(bytes(9_999), "9999 B");
        assert_eq!(bytes(10_000), "10.0 kB");
        assert_eq!(bytes(12_345_678), "12.3 MB");
    }
}
