//! Cursors of a billing history: the client and the event's position, so that one stays valid when
//! newer events arrive and is refused for another client.

use std::fmt::{self, Display, Formatter};

use crate::finance::billing_history::{EventType, Position};
use crate::graphql::node::{decode, encode};

/// Marks the list that a cursor belongs to.
const LIST: &str = "billingHistory";

/// Where an event stands in a client's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) finance_client_id: i32,
    pub(super) position: Position,
}

/// The opaque text.
impl Display for Cursor {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            finance_client_id,
            position,
        } = self;
        let kind: &str = position.kind().into();
        let (second, id) = (position.second(), position.id());
        let text = format!("{LIST}:{finance_client_id}:{second}:{kind}:{id}");
        formatter.write_str(&encode(&text))
    }
}

impl Cursor {
    /// The position of a cursor of that client's; none if it is anything else.
    pub(super) fn read(opaque: &str, finance_client_id: i32) -> Option<Position> {
        let cursor = parse(&decode(opaque)?)?;
        (cursor.finance_client_id == finance_client_id).then_some(cursor.position)
    }
}

fn parse(text: &str) -> Option<Cursor> {
    let mut parts = text.split(':');
    let mut next = || parts.next();
    if next()? != LIST {
        return None;
    }
    let finance_client_id = next()?.parse().ok()?;
    let second = next()?.parse().ok()?;
    let kind = next()?.parse::<EventType>().ok()?;
    let id = next()?.parse().ok()?;
    let position = Position::new(second, kind, id);
    parts.next().is_none().then_some(Cursor {
        finance_client_id,
        position,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_for_its_own_client_only() {
        let position = Position::new(1_700_000_000, EventType::RefundCancelled, 12);
        let text = Cursor {
            finance_client_id: 3,
            position,
        }
        .to_string();
        assert_eq!(Cursor::read(&text, 3), Some(position));
        assert_eq!(Cursor::read(&text, 4), None);
    }

    #[test]
    fn any_other_text_is_no_cursor() {
        let wrong = [
            "billingHistory:3:1",
            "billingHistory:3:1:REFUND_CANCELLED:12:0",
            "billingHistory:3:1:NOTHING:12",
            "invoices:3:1:REFUND_CANCELLED:12",
        ];
        for text in wrong {
            assert_eq!(Cursor::read(&encode(text), 3), None, "{text}");
            assert_eq!(Cursor::read(text, 3), None, "{text}");
        }
    }
}
