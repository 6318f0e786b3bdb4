//! The tables and their foreign keys as a picture: boxes in columns, lines between them.
//!
//! The table that most others refer to stands in the middle, and the others around it in the order in which lines lead to
//! them, each where there is most room. So most lines are short, and no line needs a label.

use std::{cmp::Ordering, collections::VecDeque, fmt::Write as _};

use maud::{Markup, html};

use super::{
    Style,
    layout::{shorten, width},
    tables::{ColumnView, Mark, TableView},
};

/// The height of a table's name and of a row.
const HEAD: usize = 28;
const ROW: usize = 20;
/// The width of a box, and of a sign in the font that the page asks for, in tenths of a pixel at 12 px.
const BOX: usize = 286;
const SIGN: usize = 73;
/// Room between boxes, sideways and downwards, and around the picture.
const GAP: usize = 80;
const BELOW: usize = 26;
const AROUND: usize = 14;
/// Room for lines that leave and come back on the same side.
const BULGE: usize = 60;
/// More boxes than this are not drawn: nobody would find anything among them.
pub(super) const MOST: usize = 150;

/// Where a box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    column: usize,
    x: usize,
    y: usize,
}

/// Returns which tables are drawn: all, or where there are too many those that differ with what they have to do with.
pub(super) fn drawn(tables: &[TableView<'_>]) -> Vec<usize> {
    if tables.len() <= MOST {
        return (0..tables.len()).collect();
    }
    let mut wanted: Vec<bool> = tables.iter().map(TableView::differs).collect();
    let differs = wanted.clone();
    for (place, table) in tables.iter().enumerate() {
        for link in &table.links {
            if differs[place] {
                wanted[link.table] = true;
            }
        }
    }
    (0..tables.len()).filter(|place| wanted[*place]).take(MOST).collect()
}

/// Draws the picture with as many columns as look well on a wide screen, or with one for a narrow one.
///
/// `home` is the schema that goes without saying.
pub(super) fn draw(tables: &[TableView<'_>], wide: bool, home: Option<&str>, style: &Style) -> Markup {
    let shown = drawn(tables);
    let columns = if wide { columns(tables, &shown) } else { 1 };
    let places = arrange(tables, &shown, columns);
    let bottom = |place: usize| places[place].map_or(0, |at| at.y + height(&tables[place]));
    let total_height = shown.iter().map(|place| bottom(*place)).max().unwrap_or_default() + AROUND;
    let total_width = AROUND + columns * (BOX + GAP) - GAP + BULGE + if wide { AROUND } else { 0 };
    let class = if wide { "picture wide" } else { "picture narrow" };
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class=(class) width=(total_width) height=(total_height)
            viewBox=(format!("0 0 {total_width} {total_height}")) role="img" aria-label="tables and their foreign keys" {
            @for place in &shown {
                @for link in &tables[*place].links {
                    @if let (Some(from), Some(to)) = (places[*place], places[link.table]) {
                        (line(from, link.column, to, link.referenced, link.mark))
                    }
                }
            }
            @for place in &shown {
                @if let Some(at) = places[*place] { (table(&tables[*place], *place, at, home, style)) }
            }
        }
    }
}

fn height(table: &TableView<'_>) -> usize {
    HEAD + ROW * table.columns.len() + 6
}

/// Returns the number of columns that makes the picture about as high as it is wide. Three fit a page; more than those have to
/// be moved sideways, so they come only where the picture would be very long otherwise.
fn columns(tables: &[TableView<'_>], shown: &[usize]) -> usize {
    const PAGE: usize = 3;
    const LONG: usize = 3000;
    let total: usize = shown.iter().map(|place| height(&tables[*place]) + BELOW).sum();
    let fits = |columns: &usize| total / columns <= if *columns < PAGE { columns * (BOX + GAP) } else { LONG };
    (1..=6).find(fits).unwrap_or(6).min(shown.len().max(1))
}

/// Puts the boxes into columns.
fn arrange(tables: &[TableView<'_>], shown: &[usize], columns: usize) -> Vec<Option<Place>> {
    let mut near: Vec<Vec<usize>> = vec![Vec::new(); tables.len()];
    let mut referred: Vec<usize> = vec![0; tables.len()];
    for place in shown {
        for link in tables[*place].links.iter().filter(|link| link.table != *place) {
            near[*place].push(link.table);
            near[link.table].push(*place);
            referred[link.table] += 1;
        }
    }
    // From the most referred to, along the lines; what has no lines comes last.
    let mut starts = shown.to_vec();
    starts.sort_by_key(|place| (std::cmp::Reverse(referred[*place]), near[*place].is_empty(), *place));
    let mut places: Vec<Option<Place>> = vec![None; tables.len()];
    let mut is_shown = vec![false; tables.len()];
    for place in shown {
        is_shown[*place] = true;
    }
    let mut seen = vec![false; tables.len()];
    let mut bottoms = vec![AROUND; columns];
    let middle = columns / 2;
    for start in starts {
        let mut queue = VecDeque::from([start]);
        while let Some(place) = queue.pop_front() {
            if seen[place] || !is_shown[place] {
                continue;
            }
            seen[place] = true;
            let column = (0..columns).min_by_key(|column| (bottoms[*column], column.abs_diff(middle))).unwrap_or(0);
            places[place] = Some(Place { column, x: AROUND + column * (BOX + GAP), y: bottoms[column] });
            bottoms[column] += height(&tables[place]) + BELOW;
            // The high ones first, while there is most choice.
            let mut next = near[place].clone();
            next.sort_by_key(|other| (std::cmp::Reverse(tables[*other].columns.len()), *other));
            queue.extend(next);
        }
    }
    places
}

pub(super) const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Same => "same",
        Mark::Unnamed => "unnamed",
        Mark::Added => "added",
        Mark::Changed => "changed",
        Mark::Dropped => "dropped",
        Mark::Told => "told",
    }
}

/// Draws a line from a referring column to the one that it refers to.
fn line(from: Place, column: usize, to: Place, referenced: usize, mark: Mark) -> Markup {
    let row = |at: Place, row: usize| at.y + HEAD + row * ROW + ROW / 2;
    let (y, end_y) = (row(from, column), row(to, referenced));
    let mut path = String::new();
    let (x, end_x) = match from.column.cmp(&to.column) {
        Ordering::Equal => (from.x + BOX, from.x + BOX + 7),
        Ordering::Less => (from.x + BOX, to.x - 7),
        Ordering::Greater => (from.x, to.x + BOX + 7),
    };
    let (bend, end_bend) = match from.column.cmp(&to.column) {
        // Out to the right and back; the further, the wider.
        Ordering::Equal => {
            let out = x + (16 + y.abs_diff(end_y) / 14).min(BULGE - 6);
            (out, out)
        }
        Ordering::Less => (x + (end_x - x) / 2, end_x - (end_x - x) / 2),
        Ordering::Greater => (x - (x - end_x) / 2, end_x + (x - end_x) / 2),
    };
    let _ = write!(path, "M{x} {y}C{bend} {y} {end_bend} {end_y} {end_x} {end_y}");
    let back = if from.column < to.column { "l0 -4l7 4l-7 4z" } else { "l0 -4l-7 4l7 4z" };
    html! {
        g class=(format!("link {}", class(mark))) {
            path class="line" d=(path) {}
            circle cx=(x) cy=(y) r="3" {}
            path class="head" d=(format!("M{end_x} {end_y}{back}")) {}
        }
    }
}

fn table(table: &TableView<'_>, place: usize, at: Place, home: Option<&str>, style: &Style) -> Markup {
    let Place { x, y, .. } = at;
    let name = style.clean(&table.name.to_string());
    let at_home = home.is_some_and(|home| table.name.schema.to_string() == home);
    let shown = if at_home { style.clean(&table.name.name.to_string()) } else { name.clone() };
    let kind = if table.mark.differs() || !table.differs() { class(table.mark) } else { "changed" };
    html! {
        a href=(format!("#t{place}")) {
            g class=(format!("box {kind}")) {
                title { (name) }
                rect x=(x) y=(y) width=(BOX) height=(height(table)) rx="6" {}
                path class="top" d=(format!("M{x} {}v-{}q0-6 6-6h{}q6 0 6 6v{}z", y + HEAD, HEAD - 6, BOX - 12, HEAD - 6)) {}
                text class="name" x=(x + 10) y=(y + 19) { (fit(&shown, BOX - 20, style)) }
                @for (row, column) in table.columns.iter().enumerate() {
                    (column_row(column, x, y + HEAD + row * ROW, home, style))
                }
            }
        }
    }
}

fn column_row(column: &ColumnView<'_>, x: usize, y: usize, home: Option<&str>, style: &Style) -> Markup {
    let key = if column.primary {
        "PK"
    } else if column.refers {
        "FK"
    } else {
        ""
    };
    let sign = sign(column.mark);
    let type_name = style.clean(&short(&column.type_name));
    let type_name = home.and_then(|home| type_name.strip_prefix(home)?.strip_prefix('.')).unwrap_or(&type_name);
    let name = style.clean(&column.name.to_string());
    // The name is worth more than its type, but not all of it.
    let room = BOX - 50;
    let types = (room * 10 / SIGN).saturating_sub(width(&name) + 2).clamp(8, 22);
    let type_name = shorten(type_name, types, "…");
    let name_room = room.saturating_sub((width(&type_name) + 1) * SIGN / 10);
    let base = y + 15;
    html! {
        g class=(class(column.mark)) {
            @if column.mark.differs() { rect class="row" x=(x + 1) y=(y) width=(BOX - 2) height=(ROW) {} }
            text class="key" x=(x + 8) y=(base) { (key) }
            text class="column" x=(x + 30) y=(base) { (fit(&name, name_room, style)) }
            text class="type" x=(x + BOX - 18) y=(base) text-anchor="end" { (type_name) }
            text class="sign" x=(x + BOX - 13) y=(base) { (sign) }
        }
    }
}

/// Returns the sign of a mark, for those who do not tell colours apart.
pub(super) const fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Same | Mark::Unnamed => "",
        Mark::Added => "+",
        Mark::Changed => "~",
        Mark::Dropped => "−",
        Mark::Told => "!",
    }
}

/// Returns a type's name as people write it.
fn short(name: &str) -> String {
    name.replace("character varying", "varchar")
        .replace("timestamp without time zone", "timestamp")
        .replace("timestamp with time zone", "timestamptz")
        .replace("time without time zone", "time")
        .replace("double precision", "float8")
}

/// Returns as much of a text as `pixels` hold.
fn fit(text: &str, pixels: usize, style: &Style) -> String {
    shorten(text, pixels * 10 / SIGN, style.ellipsis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pg::{Ident, ObjectName},
        report::tables::LinkView,
    };

    /// Returns tables of these numbers of columns, with lines from the first column of one to that of another.
    fn check(sizes: &[usize], lines: &[(usize, usize)]) {
        let names: Vec<_> = (0..sizes.len()).map(|number| ObjectName::new("public", format!("t{number}"))).collect();
        let column = Ident::new("id");
        let view = |name| ColumnView {
            name,
            type_name: "integer".to_owned(),
            facts: Vec::new(),
            mark: Mark::Same,
            was: None,
            primary: false,
            refers: false,
        };
        let link = |table| LinkView { column: 0, table, referenced: 0, mark: Mark::Same };
        let tables: Vec<_> = names
            .iter()
            .zip(sizes)
            .enumerate()
            .map(|(place, (name, size))| TableView {
                name,
                mark: Mark::Same,
                columns: (0..*size).map(|_| view(&column)).collect(),
                parts: Vec::new(),
                links: lines.iter().filter(|(from, _)| *from == place).map(|(_, to)| link(*to)).collect(),
                told: Vec::new(),
            })
            .collect();
        let shown = drawn(&tables);
        for columns in [1, columns(&tables, &shown)] {
            let places = arrange(&tables, &shown, columns);
            let boxes: Vec<_> = places
                .iter()
                .enumerate()
                .filter_map(|(table, at)| Some((at.as_ref()?, height(&tables[table]))))
                .collect();
            assert_eq!(boxes.len(), sizes.len());
            for (index, (at, height)) in boxes.iter().enumerate() {
                for (other, _) in &boxes[..index] {
                    assert!(at.column != other.column || other.y + BELOW <= at.y || at.y + height + BELOW <= other.y);
                }
            }
        }
    }

    #[test]
    fn boxes_do_not_touch() {
        check(&[3], &[]);
        check(&[3, 2], &[(1, 0), (0, 0)]);
        // A ring, and a star with a long one in it.
        check(&[4, 4, 4], &[(0, 1), (1, 2), (2, 0)]);
        let star: Vec<_> = (1..60).map(|number| (number, 0)).collect();
        let sizes: Vec<_> = (0..60).map(|number| if number == 7 { 200 } else { number % 9 }).collect();
        check(&sizes, &star);
    }

    #[test]
    fn what_most_refer_to_stands_in_the_middle_and_a_picture_fits_a_page() {
        let names: Vec<_> = (0..9).map(|number| ObjectName::new("public", format!("t{number}"))).collect();
        let tables: Vec<_> = names
            .iter()
            .map(|name| TableView {
                name,
                mark: Mark::Same,
                columns: Vec::new(),
                parts: Vec::new(),
                links: if name.name == Ident::new("t4") {
                    Vec::new()
                } else {
                    vec![LinkView { column: 0, table: 4, referenced: 0, mark: Mark::Same }]
                },
                told: Vec::new(),
            })
            .collect();
        let places = arrange(&tables, &drawn(&tables), 3);
        assert_eq!(places[4], Some(Place { column: 1, x: AROUND + BOX + GAP, y: AROUND }));
        const { assert!(AROUND * 2 + 3 * (BOX + GAP) - GAP + BULGE < 1180 - 32) };
    }
}
