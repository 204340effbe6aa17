//! The operations of one WebSocket, by the ids that its client gave them.

use std::collections::HashMap;

/// See the module. An id may be used again once its operation is over, and what the old one has still to
/// say is then nobody's: each has a number besides.
pub(super) struct Running<T> {
    by_id: HashMap<String, (u64, T)>,
    begun: u64,
}

impl<T> Default for Running<T> {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            begun: 0,
        }
    }
}

impl<T> Running<T> {
    /// Whether an operation of that id runs.
    pub(super) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Begins one, which is told its number.
    pub(super) fn begin(&mut self, id: String, begin: impl FnOnce(u64) -> T) {
        self.begun = self.begun.wrapping_add(1);
        let operation = begin(self.begun);
        self.by_id.insert(id, (self.begun, operation));
    }

    /// Ends the one of that id.
    pub(super) fn end(&mut self, id: &str) -> Option<T> {
        self.by_id.remove(id).map(|(_, operation)| operation)
    }

    /// Whether what the operation of that number says is still wanted; after its last word it is over.
    pub(super) fn hears(&mut self, id: &str, number: u64, is_last: bool) -> bool {
        let is_wanted = self.by_id.get(id).is_some_and(|(own, _)| *own == number);
        if is_wanted && is_last {
            self.by_id.remove(id);
        }
        is_wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_ended_operation_has_still_to_say_is_not_taken_for_the_next_of_its_id() {
        let mut running = Running::default();
        let mut numbers = Vec::new();
        running.begin("1".to_owned(), |number| numbers.push(number));
        assert!(running.end("1").is_some());
        running.begin("1".to_owned(), |number| numbers.push(number));
        let [old, new] = numbers[..] else { panic!() };
        assert!(!running.hears("1", old, false));
        assert!(!running.hears("1", old, true));
        assert!(running.has("1"));
        assert!(running.hears("1", new, true));
        assert!(!running.has("1") && running.len() == 0);
        assert!(!running.hears("1", new, true));
    }
}
