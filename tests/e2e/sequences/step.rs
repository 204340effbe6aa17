//! What may happen to an account.

use entity::stored::{AdjustmentType, FeeReductionType, FeeType, SupervisionLevel};
use proptest::prelude::*;
use proptest::sample::select;

/// One thing that happens. Picks are taken modulo what there is; days lie so far back from today.
#[derive(Clone, Debug)]
pub(super) enum Step {
    ManualInvoice {
        fee_type: FeeType,
        amount: i64,
        raised: u64,
        level: Option<SupervisionLevel>,
    },
    GeneratedInvoices(Vec<(usize, FeeType, i64, i64, Option<u64>)>),
    AddReduction {
        kind: FeeReductionType,
        start_year: i64,
        years: i64,
        received: u64,
    },
    CancelReduction(usize),
    Raise {
        invoice: usize,
        kind: AdjustmentType,
        amount: Option<i64>,
        by_manager: bool,
    },
    Decide {
        adjustment: usize,
        is_approved: bool,
    },
    RequestRefund,
    DecideRefund {
        is_approved: bool,
    },
    CancelRefund,
    /// The bank has paid the refund: as the refund files will tell.
    FulfilRefund,
    /// Money comes in: as the payment files will tell.
    Payment(i64),
    /// Money that came in goes back.
    PaymentReversal(i64),
    PaymentMethod(bool),
    Days(u64),
    Expire,
}

/// A step, the client it is about, and whether it is sent twice with one key.
pub(super) type Sent = (usize, Step, bool);

pub(super) fn sequence() -> impl Strategy<Value = Vec<Sent>> {
    let amount = prop_oneof![
        select(vec![10_000_i64, 32_000, 16_000, 5_000]),
        51_i64..32_000
    ];
    let amount = amount.boxed();
    let day = 0_u64..500;
    let fee_type = select(vec![
        FeeType::Ad,
        FeeType::Ga,
        FeeType::S2,
        FeeType::S3,
        FeeType::B2,
        FeeType::B3,
        FeeType::Sf,
        FeeType::Se,
        FeeType::So,
    ]);
    let any_type = select(vec![
        FeeType::Ad,
        FeeType::S2,
        FeeType::Gs,
        FeeType::Gt,
        FeeType::Sf,
    ]);
    let level = prop::option::of(select(vec![
        SupervisionLevel::General,
        SupervisionLevel::Minimal,
    ]));
    let reduction = select(vec![
        FeeReductionType::Exemption,
        FeeReductionType::Hardship,
        FeeReductionType::Remission,
    ]);
    let adjustment = select(vec![
        AdjustmentType::CreditMemo,
        AdjustmentType::DebitMemo,
        AdjustmentType::CreditWriteOff,
        AdjustmentType::WriteOffReversal,
        AdjustmentType::FeeReductionReversal,
    ]);
    let general = 0_i64..=100;
    let generated = (
        0_usize..3,
        any_type,
        amount.clone(),
        general,
        prop::option::weighted(0.9, day.clone()),
    );
    let step = prop_oneof![
        4 => (fee_type, amount.clone(), day.clone(), level)
            .prop_map(|(fee_type, amount, raised, level)| Step::ManualInvoice { fee_type, amount, raised, level }),
        2 => prop::collection::vec(generated, 1..4).prop_map(Step::GeneratedInvoices),
        4 => (reduction, 2024_i64..=2025, 1_i64..=2, 0_u64..200)
            .prop_map(|(kind, start_year, years, received)| Step::AddReduction { kind, start_year, years, received }),
        3 => (0_usize..9).prop_map(Step::CancelReduction),
        6 => (0_usize..9, adjustment, prop::option::weighted(0.7, amount.clone()), any::<bool>())
            .prop_map(|(invoice, kind, amount, by_manager)| Step::Raise { invoice, kind, amount, by_manager }),
        6 => (0_usize..9, prop::bool::weighted(0.8))
            .prop_map(|(adjustment, is_approved)| Step::Decide { adjustment, is_approved }),
        2 => Just(Step::RequestRefund),
        2 => prop::bool::weighted(0.7).prop_map(|is_approved| Step::DecideRefund { is_approved }),
        1 => Just(Step::CancelRefund),
        1 => Just(Step::FulfilRefund),
        3 => (1_i64..40_000).prop_map(Step::Payment),
        1 => (1_i64..40_000).prop_map(Step::PaymentReversal),
        1 => any::<bool>().prop_map(Step::PaymentMethod),
        1 => (0_u64..20).prop_map(Step::Days),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec((0_usize..3, step, prop::bool::weighted(0.2)), 1..40)
}
