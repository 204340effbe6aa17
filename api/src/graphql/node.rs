//! Opaque ids that carry their type, and the objects they name.

use async_graphql::{ID, Interface};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strum::{EnumString, IntoStaticStr};

use super::adjustment::InvoiceAdjustment;
use super::client::FinanceClient;
use super::fee_reduction::FeeReduction;
use super::invoice::Invoice;
use super::refund::Refund;

/// An object with an identity of its own. `id` is opaque and stays the same; `node(id:)` gives the
/// object back.
#[derive(Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Opaque id, for `node(id:)` and for caches."
))]
pub enum Node {
    /// A client.
    FinanceClient(FinanceClient),
    /// An invoice.
    Invoice(Invoice),
    /// A refund.
    Refund(Refund),
    /// A fee reduction.
    FeeReduction(FeeReduction),
    /// An invoice adjustment.
    InvoiceAdjustment(InvoiceAdjustment),
}

/// The types that ids name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
pub(crate) enum NodeType {
    FinanceClient,
    Invoice,
    Refund,
    FeeReduction,
    InvoiceAdjustment,
}

impl NodeType {
    /// The id of the object made from that row.
    pub(crate) fn id(self, row: i32) -> ID {
        let name: &str = self.into();
        encode(&format!("{name}:{row}")).into()
    }

    /// Type and row of an id; none if it is no id of ours.
    pub(super) fn read(id: &str) -> Option<(Self, i32)> {
        let text = decode(id)?;
        let (name, row) = text.split_once(':')?;
        let row = row.parse::<i32>().ok()?;
        let kind = name.parse::<Self>().ok()?;
        // Only what `id` would give: `+1` and `01` are other texts for the same row.
        (kind.id(row).as_str() == id).then_some((kind, row))
    }
}

/// Opaque text: not secret, but not to be taken apart by callers.
pub(super) fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The text again; none if it was not made by [`encode`].
pub(super) fn decode(opaque: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(opaque).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_type_and_row() {
        let id = NodeType::Invoice.id(7);
        assert_eq!(NodeType::read(&id), Some((NodeType::Invoice, 7)));
    }

    #[test]
    fn another_text_is_no_id() {
        for text in [
            "",
            "7",
            "Invoice:7",
            &encode("Invoice:+7"),
            &encode("Ledger:7"),
            "é",
        ] {
            assert_eq!(NodeType::read(text), None, "{text}");
        }
    }
}
