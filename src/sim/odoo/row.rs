//! One row of a table, and the table: rows by id, holes where rows were deleted, and the way back along a many2one.

use super::cell::Cell;

/// A row. Columns beyond the last filled one are not kept: they are null.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: i32,
    pub create_uid: i32,
    pub write_uid: i32,
    /// Microseconds since 1970, UTC: the start of the transaction, as PostgreSQL's `now()` has it.
    pub created: i64,
    pub written: i64,
    pub cells: Vec<Cell>,
}

static NULL: Cell = Cell::Null;

impl Row {
    pub fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&NULL)
    }

    pub fn set(&mut self, column: usize, cell: Cell) {
        if column >= self.cells.len() {
            if cell.is_null() {
                return;
            }
            self.cells.resize(column + 1, Cell::Null);
        }
        self.cells[column] = cell;
    }
}

/// The rows of one model.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Option<Box<Row>>>,
    /// For each column a one2many runs back along: who points at this id, ascending.
    backs: Vec<(usize, Vec<Vec<i32>>)>,
    next: i32,
}

impl Table {
    pub fn with_backs(columns: &[usize]) -> Self {
        Self { backs: columns.iter().map(|column| (*column, Vec::new())).collect(), next: 1, ..Self::default() }
    }

    /// The next id of the sequence, which a rollback does not turn back.
    pub fn take_id(&mut self) -> i32 {
        self.next += 1;
        self.next - 1
    }

    pub fn get(&self, id: i32) -> Option<&Row> {
        self.rows.get(usize::try_from(id).ok()?)?.as_deref()
    }

    /// Ids above `from`, ascending.
    pub fn rows_from(&self, from: i32) -> impl DoubleEndedIterator<Item = &Row> {
        let start = usize::try_from(from).unwrap_or(0).min(self.rows.len());
        self.rows[start..].iter().filter_map(Option::as_deref)
    }

    pub fn rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.rows_from(0)
    }

    /// Who points at `id` through this column; `None` where no one2many keeps count.
    pub fn back(&self, column: usize, id: i32) -> Option<&[i32]> {
        let (_, lists) = self.backs.iter().find(|(known, _)| *known == column)?;
        Some(usize::try_from(id).ok().and_then(|at| lists.get(at)).map_or(&[], Vec::as_slice))
    }

    pub fn put(&mut self, row: Row) {
        let Ok(at) = usize::try_from(row.id) else { return };
        if at >= self.rows.len() {
            self.rows.resize_with(at + 1, || None);
        }
        if let Some(old) = self.rows[at].take() {
            self.unlink_backs(&old);
        }
        for (column, lists) in &mut self.backs {
            if let Some(target) = row.cell(*column).as_ref_id().and_then(|id| usize::try_from(id).ok()) {
                if target >= lists.len() {
                    lists.resize_with(target + 1, Vec::new);
                }
                let list = &mut lists[target];
                if let Err(position) = list.binary_search(&row.id) {
                    list.insert(position, row.id);
                }
            }
        }
        self.next = self.next.max(row.id + 1);
        self.rows[at] = Some(Box::new(row));
    }

    pub fn remove(&mut self, id: i32) -> Option<Row> {
        let row = self.rows.get_mut(usize::try_from(id).ok()?)?.take()?;
        self.unlink_backs(&row);
        Some(*row)
    }

    fn unlink_backs(&mut self, row: &Row) {
        for (column, lists) in &mut self.backs {
            let target = row.cell(*column).as_ref_id().and_then(|id| usize::try_from(id).ok());
            if let Some(list) = target.and_then(|target| lists.get_mut(target)) {
                list.retain(|id| *id != row.id);
            }
        }
    }
}
