//! The tables as Sirius hands them over, condensed into one step (ADR 5, `domain.md` section 2).

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    boolean, date, date_null, integer, integer_null, string_len, string_len_null, text, text_null,
};

use crate::columns::{
    drop_table, id, index, references, references_cascading, second, sequence, unique_index,
};
use crate::report;

/// See the module.
#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        finance_client(manager).await?;
        sequence(manager, "finance_client").await?;
        billing_period(manager).await?;
        sequence(manager, "billing_period").await?;
        fee_reduction(manager).await?;
        sequence(manager, "fee_reduction").await?;
        invoice(manager).await?;
        sequence(manager, "invoice").await?;
        invoice_email_status(manager).await?;
        sequence(manager, "invoice_email_status").await?;
        invoice_fee_range(manager).await?;
        sequence(manager, "invoice_fee_range").await?;
        ledger(manager).await?;
        sequence(manager, "ledger").await?;
        ledger_allocation(manager).await?;
        sequence(manager, "ledger_allocation").await?;
        counter(manager).await?;
        sequence(manager, "counter").await?;
        property(manager).await?;
        sequence(manager, "property").await?;
        rate(manager).await?;
        sequence(manager, "rate").await?;
        report::create(manager).await?;
        sequence(manager, "report").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [
            "report",
            "rate",
            "property",
            "counter",
            "ledger_allocation",
            "ledger",
            "invoice_fee_range",
            "invoice_email_status",
            "invoice",
            "fee_reduction",
            "billing_period",
            "finance_client",
        ] {
            drop_table(manager, table).await?;
        }
        Ok(())
    }
}

async fn finance_client(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("finance_client")
                .col(id())
                .col(integer("client_id"))
                .col(text("sop_number"))
                .col(string_len("payment_method", 255))
                .col(integer_null("batchnumber"))
                .to_owned(),
        )
        .await?;
    index(manager, "finance_client", &["batchnumber"]).await?;
    Ok(())
}

async fn billing_period(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("billing_period")
                .col(id())
                .col(integer_null("finance_client_id"))
                .col(integer_null("order_id"))
                .col(date("start_date"))
                .col(date_null("end_date"))
                .foreign_key(&mut references(
                    "billing_period",
                    "finance_client_id",
                    "finance_client",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "billing_period", &["finance_client_id"]).await?;
    Ok(())
}

async fn fee_reduction(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("fee_reduction")
                .col(id())
                .col(integer_null("finance_client_id"))
                .col(string_len("type", 255))
                .col(string_len_null("evidencetype", 255))
                .col(date("startdate"))
                .col(date("enddate"))
                .col(text("notes"))
                .col(boolean("deleted").default(false).take())
                .col(date_null("datereceived"))
                .foreign_key(&mut references(
                    "fee_reduction",
                    "finance_client_id",
                    "finance_client",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "fee_reduction", &["finance_client_id"]).await?;
    Ok(())
}

async fn invoice(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("invoice")
                .col(id())
                .col(integer_null("person_id"))
                .col(integer_null("finance_client_id"))
                .col(text("feetype"))
                .col(string_len("reference", 50))
                .col(date("startdate"))
                .col(date("enddate"))
                .col(integer("amount"))
                .col(string_len_null("supervisionlevel", 255))
                .col(date_null("confirmeddate"))
                .col(integer_null("batchnumber"))
                .col(date_null("raiseddate"))
                .col(string_len_null("source", 20))
                .col(date_null("scheduledfn14date"))
                .col(integer_null("cacheddebtamount"))
                .foreign_key(&mut references_cascading(
                    "invoice",
                    "finance_client_id",
                    "finance_client",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "invoice", &["finance_client_id"]).await?;
    index(manager, "invoice", &["batchnumber"]).await?;
    unique_index(manager, "invoice", &["reference"]).await?;
    Ok(())
}

async fn invoice_email_status(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("invoice_email_status")
                .col(id())
                .col(integer_null("invoice_id"))
                .col(string_len("status", 255))
                .col(string_len("templateid", 255))
                .col(date_null("createddate"))
                .foreign_key(&mut references_cascading(
                    "invoice_email_status",
                    "invoice_id",
                    "invoice",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "invoice_email_status", &["invoice_id"]).await?;
    Ok(())
}

async fn invoice_fee_range(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("invoice_fee_range")
                .col(id())
                .col(integer_null("invoice_id"))
                .col(string_len("supervisionlevel", 255))
                .col(date("fromdate"))
                .col(date("todate"))
                .col(integer("amount"))
                .foreign_key(&mut references_cascading(
                    "invoice_fee_range",
                    "invoice_id",
                    "invoice",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "invoice_fee_range", &["invoice_id"]).await?;
    Ok(())
}

async fn ledger(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("ledger")
                .col(id())
                .col(string_len("reference", 50))
                .col(second(manager, "datetime"))
                .col(string_len("method", 255))
                .col(integer("amount"))
                .col(text_null("notes"))
                .col(string_len("type", 255))
                .col(string_len("status", 255))
                .col(integer_null("finance_client_id"))
                .col(integer_null("parent_id"))
                .col(integer_null("fee_reduction_id"))
                .col(date_null("confirmeddate"))
                .col(date_null("bankdate"))
                .col(integer_null("batchnumber"))
                .col(string_len_null("bankaccount", 255))
                .col(string_len_null("source", 20))
                .col(integer_null("line"))
                .foreign_key(&mut references_cascading(
                    "ledger",
                    "finance_client_id",
                    "finance_client",
                ))
                .foreign_key(&mut references_cascading("ledger", "parent_id", "ledger"))
                .foreign_key(&mut references_cascading(
                    "ledger",
                    "fee_reduction_id",
                    "fee_reduction",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "ledger", &["finance_client_id"]).await?;
    index(manager, "ledger", &["parent_id"]).await?;
    index(manager, "ledger", &["fee_reduction_id"]).await?;
    index(manager, "ledger", &["batchnumber"]).await?;
    unique_index(manager, "ledger", &["reference"]).await?;
    Ok(())
}

async fn ledger_allocation(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("ledger_allocation")
                .col(id())
                .col(integer_null("ledger_id"))
                .col(integer_null("invoice_id"))
                .col(second(manager, "datetime"))
                .col(integer("amount"))
                .col(string_len("status", 255))
                .col(string_len_null("reference", 25))
                .col(text_null("notes"))
                .col(date_null("allocateddate"))
                .col(integer_null("batchnumber"))
                .col(string_len_null("source", 20))
                .foreign_key(&mut references_cascading(
                    "ledger_allocation",
                    "ledger_id",
                    "ledger",
                ))
                .foreign_key(&mut references_cascading(
                    "ledger_allocation",
                    "invoice_id",
                    "invoice",
                ))
                .to_owned(),
        )
        .await?;
    index(manager, "ledger_allocation", &["ledger_id"]).await?;
    index(manager, "ledger_allocation", &["invoice_id"]).await?;
    index(manager, "ledger_allocation", &["batchnumber"]).await?;
    unique_index(manager, "ledger_allocation", &["reference"]).await?;
    Ok(())
}

async fn counter(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("counter")
                .col(id())
                .col(string_len("key", 50))
                .col(integer("counter"))
                .to_owned(),
        )
        .await?;
    index(manager, "counter", &["key"]).await?;
    unique_index(manager, "counter", &["key"]).await?;
    Ok(())
}

async fn property(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("property")
                .col(id())
                .col(string_len("key", 100))
                .col(string_len("value", 255))
                .to_owned(),
        )
        .await?;
    unique_index(manager, "property", &["key"]).await?;
    Ok(())
}

async fn rate(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    manager
        .create_table(
            Table::create()
                .table("rate")
                .col(id())
                .col(string_len("type", 50))
                .col(date_null("startdate"))
                .col(date_null("enddate"))
                .col(integer("amount"))
                .to_owned(),
        )
        .await?;
    Ok(())
}
