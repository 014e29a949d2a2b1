//! Drawing: a [`View`] becomes a buffer of cells, and nothing else happens.

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint::{self, Fill, Length, Min};
use ratatui::layout::{Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row, Table, Widget};

use super::super::overview::{Client, Device, Stream};
use super::super::status::loudness;
use super::super::target::Kind;
use super::view::{Popup, Section, View};
use crate::table::{UNKNOWN, bytes, clean, or_unknown, yes};

/// Lines of the tables' heads and of what is above and below them.
const HEAD: u16 = 2;
const FOOT: u16 = 1;

const HELP: &str = "\
up, down, k, j     choose a line
Tab, Shift-Tab     go to the next table
+, -, right, left  volume by 5 %
m                  mute, or let it sound
v                  move the stream
x, Delete          end the stream or client
d                  make the device the default
a                  show monitors, too
q, Ctrl-C          quit";

/// Draws everything.
pub(crate) fn draw(view: &mut View, area: Rect, buffer: &mut Buffer) {
    let [head, body, foot] = Layout::vertical([Length(HEAD), Min(0), Length(FOOT)]).areas(area);
    draw_head(view, head, buffer);
    let counts = Section::ALL.map(|section| view.section(section).len());
    let mut top = body.y;
    for (at, (section, lines)) in Section::ALL.into_iter().zip(heights(counts, body.height)).enumerate() {
        // A table is never without its head.
        let place = Rect { y: top, height: lines, ..body }.intersection(body);
        top += lines;
        if place.height > 0 {
            draw_section(view, section, at, place, buffer);
        }
    }
    draw_foot(view, foot, buffer);
    draw_popup(view, area, buffer);
}

/// How high the tables are, with a head each: all that they need if there is room; else none takes more than its share
/// while another lacks lines.
fn heights(counts: [usize; 3], room: u16) -> [u16; 3] {
    let mut heights = [0; 3];
    let wanted = counts.map(|count| u16::try_from(count.max(1)).unwrap_or(u16::MAX).saturating_add(2));
    // Line by line, in turn.
    let mut left = room;
    while left > 0 && (0..3).any(|at| heights[at] < wanted[at]) {
        for at in 0..3 {
            if left > 0 && heights[at] < wanted[at] {
                heights[at] += 1;
                left -= 1;
            }
        }
    }
    heights
}

fn draw_head(view: &View, area: Rect, buffer: &mut Buffer) {
    let overview = &view.overview;
    let server = &overview.server;
    let mut first = vec![Span::styled(
        clean(&format!("{} {}", server.name, server.version)),
        Style::new().add_modifier(Modifier::BOLD),
    )];
    let mut facts = Vec::new();
    if !view.is_seen {
        facts.push("connecting".to_owned());
    } else {
        if !server.user.is_empty() {
            facts.push(format!("{}@{}", server.user, server.host));
        }
        facts.extend(server.pid.map(|pid| format!("process {pid}")));
        let playing = overview.streams.iter().filter(|stream| !stream.corked).count();
        facts.push(format!("{} clients", overview.clients.len()));
        facts.push(format!("{} streams, {playing} running", overview.streams.len()));
    }
    first.push(Span::raw(format!("  {}", clean(&facts.join("  ")))));
    let mut second = Vec::new();
    for (at, thread) in overview.threads.iter().flatten().enumerate() {
        let rate = |rates: &[Option<f64>]| rates.get(at).copied().flatten();
        let load = or_unknown(rate(&view.thread_load), |load| format!("{:.1} %", load * 100.0));
        let wakeups = or_unknown(rate(&view.thread_rate), |rate| format!("{rate:.0}/s"));
        let realtime = if thread.realtime { " rt" } else { "" };
        second.push(Span::raw(format!("{} {load} cpu {wakeups}{realtime}  ", clean(&thread.name))));
    }
    if view.is_seen && overview.threads.is_none() {
        second.push(dim("this server does not tell of its threads, memory and underruns"));
    }
    Paragraph::new(vec![Line::from(first), Line::from(second)]).render(area, buffer);
}

fn dim<'a>(text: &'a str) -> Span<'a> {
    Span::styled(text, Style::new().add_modifier(Modifier::DIM))
}

fn draw_section(view: &mut View, section: Section, at: usize, area: Rect, buffer: &mut Buffer) {
    let items = view.section(section);
    let visible = usize::from(area.height.saturating_sub(1));
    let chosen = view.chosen.and_then(|chosen| items.iter().position(|&item| item == chosen));
    let last_offset = items.len().saturating_sub(visible);
    let mut offset = view.offsets[at].min(last_offset);
    if let Some(chosen) = chosen {
        offset = offset.min(chosen).max((chosen + 1).saturating_sub(visible));
    }
    view.offsets[at] = offset;
    let wide = area.width >= 100;
    let (head, widths, rows): (Vec<&str>, Vec<Constraint>, Vec<Vec<Cell<'_>>>) = match section {
        Section::Devices => {
            let rows = view.devices().iter().map(|device| device_row(device, wide)).collect();
            let (head, widths) = device_columns(wide);
            (head, widths, rows)
        }
        Section::Streams => {
            let rows = view.overview.streams.iter().map(|stream| stream_row(stream, wide)).collect();
            let (head, widths) = stream_columns(wide);
            (head, widths, rows)
        }
        Section::Clients => {
            let rows = view.overview.clients.iter().map(|client| client_row(client, wide)).collect();
            let (head, widths) = client_columns(wide);
            (head, widths, rows)
        }
    };
    let mut head: Vec<String> = head.into_iter().map(str::to_owned).collect();
    if let Some(name) = head.first_mut()
        && items.len() > visible
    {
        *name += &format!(" {}-{}/{}", offset + 1, (offset + visible).min(items.len()), items.len());
    }
    let style = Style::new().add_modifier(Modifier::REVERSED);
    let rows = rows.into_iter().enumerate().skip(offset).take(visible).map(|(line, cells)| {
        let is_chosen = chosen == Some(line);
        let style = Style::new().bg(Color::Blue).fg(Color::White).add_modifier(Modifier::BOLD);
        Row::new(cells).style(if is_chosen { style } else { Style::new() })
    });
    let table = Table::new(rows, widths).header(Row::new(head).style(style)).column_spacing(1);
    Widget::render(table, area, buffer);
    if items.is_empty() && visible > 0 {
        Line::from(dim("none")).render(Rect { y: area.y + 1, height: 1, ..area }, buffer);
    }
}

fn text<'a>(text: impl AsRef<str>) -> Cell<'a> {
    Cell::from(clean(text.as_ref()))
}

fn right<'a>(text: impl Into<String>) -> Cell<'a> {
    Cell::from(Line::from(text.into()).right_aligned())
}

/// Milliseconds, as short as they are exact enough.
fn short_time(usec: u64) -> String {
    match usec {
        0..100_000 => format!("{:.1}", usec as f64 / 1e3),
        _ => format!("{:.0}", usec as f64 / 1e3),
    }
}

type Columns = (Vec<&'static str>, Vec<Constraint>);

fn columns(all: &[(&'static str, Constraint, bool)], wide: bool) -> Columns {
    all.iter().filter(|(_, _, only_wide)| wide || !only_wide).map(|&(name, width, _)| (name, width)).unzip()
}

fn device_columns(wide: bool) -> Columns {
    let all = [
        ("DEVICE", Fill(3), false),
        ("KIND", Length(7), false),
        ("STATE", Length(9), false),
        ("FORMAT", Length(20), false),
        ("VOLUME", Length(9), false),
        ("STREAMS", Length(7), false),
        ("CYCLE ms", Length(8), true),
        ("LOAD", Length(7), false),
    ];
    columns(&all, wide)
}

fn device_row(device: &Device, wide: bool) -> Vec<Cell<'static>> {
    let mark = if device.is_default { "*" } else { " " };
    let kind = if device.is_monitor { "monitor" } else { device.kind.name() };
    let mut cells = vec![
        text(format!("{mark}{}", device.name)),
        text(kind),
        text(device.state),
        text(&device.spec),
        volume_cell(loudness(Some(&device.volume), device.muted), device.muted),
        right(device.streams.to_string()),
    ];
    if wide {
        cells.push(right(or_unknown(device.cycle_usec, short_time)));
    }
    cells.push(right(or_unknown(device.load, |load| format!("{:.1} %", load * 100.0))));
    cells
}

fn stream_columns(wide: bool) -> Columns {
    let all = [
        ("STREAM", Fill(2), false),
        ("PLAYS", Fill(3), false),
        ("DEVICE", Fill(2), false),
        ("FORMAT", Length(20), true),
        ("STATE", Length(7), false),
        ("VOLUME", Length(9), false),
        ("LATENCY/ASKED", Length(13), false),
        ("UNDERRUNS", Length(9), false),
    ];
    columns(&all, wide)
}

fn stream_row(stream: &Stream, wide: bool) -> Vec<Cell<'static>> {
    let arrow = if stream.kind == Kind::SinkInput { ">" } else { "<" };
    let asked = or_unknown(stream.asked_latency_usec, short_time);
    let gaps = match (stream.underruns, stream.lost_bytes) {
        (Some(0), _) | (None, Some(0)) => right("0"),
        (Some(count), _) => right(count.to_string()).style(Color::Red),
        (None, Some(lost)) => right(bytes(lost)).style(Color::Red),
        (None, None) => right(UNKNOWN),
    };
    let mut cells =
        vec![text(format!("{arrow} {}", stream.application)), text(&stream.name), text(&stream.device)];
    if wide {
        cells.push(text(&stream.spec));
    }
    cells.extend([
        text(if stream.corked { "paused" } else { "running" }),
        volume_cell(loudness(stream.volume.as_ref(), stream.muted), stream.muted),
        right(format!("{}/{asked}", short_time(stream.latency_usec))),
        gaps,
    ]);
    cells
}

fn client_columns(wide: bool) -> Columns {
    let all = [
        ("CLIENT", Fill(3), false),
        ("PROCESS", Length(8), false),
        ("TRANSPORT", Length(9), false),
        ("SEALED", Length(6), false),
        ("RING", Length(4), true),
        ("REFERENCED", Length(10), true),
        ("COPIED", Length(9), false),
        ("MEMORY", Length(9), false),
        ("STREAMS", Length(7), true),
        ("UNDERRUNS", Length(9), false),
    ];
    columns(&all, wide)
}

fn client_row(client: &Client, wide: bool) -> Vec<Cell<'static>> {
    let underruns = match client.underruns {
        Some(count) if count > 0 => right(count.to_string()).style(Color::Red),
        count => right(or_unknown(count, |count| count.to_string())),
    };
    let mut cells = vec![
        text(&client.name),
        right(or_unknown(client.pid, |pid| pid.to_string())),
        text(client.transport.unwrap_or(UNKNOWN)),
        text(or_unknown(client.sealed, yes)),
    ];
    if wide {
        cells.push(text(or_unknown(client.srbchannel, yes)));
        cells.push(right(or_unknown(client.bytes_referenced, bytes)));
    }
    cells.push(right(or_unknown(client.bytes_copied, bytes)));
    cells.push(right(or_unknown(client.memory_mapped, bytes)));
    if wide {
        cells.push(right(client.streams.to_string()));
    }
    cells.push(underruns);
    cells
}

fn volume_cell<'a>(volume: String, muted: bool) -> Cell<'a> {
    let cell = text(volume);
    if muted { cell.style(Color::Yellow) } else { cell }
}

fn draw_foot(view: &View, area: Rect, buffer: &mut Buffer) {
    let line = match (&view.gone, &view.message) {
        (Some(reason), _) => {
            let text = format!("{}; looking for the server", clean(reason));
            Line::styled(text, Style::new().fg(Color::White).bg(Color::Red))
        }
        (None, Some(message)) => Line::styled(clean(message), Style::new().fg(Color::Yellow)),
        (None, None) => {
            Line::from(dim("up/down choose  +/- volume  m mute  v move  x end  d default  ? help  q quit"))
        }
    };
    line.render(area, buffer);
}

fn draw_popup(view: &View, area: Rect, buffer: &mut Buffer) {
    let chosen = Style::new().bg(Color::Blue).fg(Color::White);
    let (title, lines): (String, Vec<Line<'_>>) = match &view.popup {
        None => return,
        Some(Popup::Help) => ("Keys".to_owned(), HELP.lines().map(Line::from).collect()),
        Some(Popup::Confirm { question, .. }) => (
            "Sure?".to_owned(),
            vec![Line::from(clean(question)), Line::default(), Line::from("y: yes   n: no")],
        ),
        Some(Popup::Move { title, devices, chosen: at, .. }) => {
            // As many as fit, with the chosen one among them.
            let room = usize::from(area.height.saturating_sub(4)).max(1);
            let first = (at + 1).saturating_sub(room);
            let lines = devices.iter().enumerate().skip(first).take(room).map(|(line, (_, name))| {
                let style = if line == *at { chosen } else { Style::new() };
                Line::styled(clean(name), style)
            });
            (format!("Move {}", clean(title)), lines.collect())
        }
    };
    let wanted = lines.iter().map(Line::width).max().unwrap_or(0).max(title.chars().count() + 2) + 4;
    let width = u16::try_from(wanted).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buffer);
    let block = Block::bordered().title(title).padding(ratatui::widgets::Padding::horizontal(1));
    Paragraph::new(lines).block(block).render(place, buffer);
}

#[cfg(test)]
mod tests;
