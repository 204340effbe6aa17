//! Table `report`, which the baseline makes and a later step drops: written once for both.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{integer, integer_null, string_len, string_len_null};

use crate::columns::{id, index, second, second_null, unique_index};

pub(crate) async fn create(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("report")
                .col(id())
                .col(integer("batchnumber"))
                .col(string_len("type", 255))
                .col(second(manager, "datetime"))
                .col(integer("count"))
                .col(second_null(manager, "invoicedate"))
                .col(integer_null("totalamount"))
                .col(string_len_null("firstinvoicereference", 50))
                .col(string_len_null("lastinvoicereference", 50))
                .col(integer_null("createdbyuser_id"))
                .to_owned(),
        )
        .await?;
    index(manager, "report", &["createdbyuser_id"]).await?;
    unique_index(manager, "report", &["batchnumber"]).await?;
    Ok(())
}
