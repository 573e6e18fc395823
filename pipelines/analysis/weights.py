"""What following each account weighs in a segment's scores: found anew for every sample, frozen with its audit.

The positive field scores people by what the segment's people follow. Once audits have accepted and rejected enough
people, those rejected are a field of their own: where it helps, an account weighs what both fields say together.
"""

from datetime import date
from decimal import Decimal

import duckdb
import polars as pl

from pipelines.analysis import stacking
from pipelines.common.query import query
from pipelines.common.settings import Settings
from pipelines.segments import label_history
from pipelines.warehouse import build
from pipelines.warehouse.catalogue import sql_models

CHANNEL = "follow"  # whom people follow is known of everybody in a list; interactions are known only of active people


def known_labels(settings: Settings, segment_id: str, platform: str, until: date) -> pl.DataFrame:
    """What earlier audits of a segment labelled yes or no: member_key and label, the latest of each person."""
    kept = [
        one.labels.select("member_key", "label")
        for one in label_history.read_audits(settings, until)
        if (one.audit.segment_id, one.platform) == (segment_id, platform)
    ]
    empty = pl.DataFrame(schema={"member_key": pl.UInt64, "label": pl.String})
    labels = pl.concat([empty, *kept]).filter(pl.col("label") != "unsure")
    return labels.unique("member_key", keep="last", maintain_order=True).sort("member_key")


def freeze_weights(
    con: duckdb.DuckDBPyConnection, segment_id: str, platform: str, labels: pl.DataFrame
) -> tuple[dict[str, str], str]:
    """Score the segment anew: what each account weighs, to nine places, and whether the rejected count in it, and why.

    `con` is a workbench with the segment's definition, `core.segment_evidence` and `core.segment_membership`. Nothing
    weighs where the guard refuses. Leaves the weights in the table `frozen`, and today's members by
    rules in the view `core.rule_member`.
    """
    con.register("labelled", labels.to_arrow())
    names = {"segment_id": segment_id, "platform": platform, "rejected": f"{segment_id}~rejected"}
    con.execute(f"CREATE VIEW core.rule_member AS {query('labels/rule_members')}")
    con.execute("INSERT INTO ref.segment SELECT * REPLACE (? AS segment_id) FROM ref.segment", [names["rejected"]])
    con.execute(query("labels/remove_rejected_seeds"), {"segment_id": segment_id})
    con.execute(query("labels/add_rejected_seeds"), {"rejected": names["rejected"], "platform": platform})
    for model in sql_models("expansion"):
        build.build_model(con, model)
    names |= {"channel": CHANNEL}
    found, reason = stacking.fit_stack(con.sql(query("labels/fields"), params=names).pl())
    fields = {"w_positive": found.w_positive, "w_negative": found.w_negative} if found else POSITIVE_ALONE
    con.execute("CREATE TABLE frozen (account_id VARCHAR, log_odds_z DECIMAL(18, 9))")
    con.execute(f"INSERT INTO frozen {query('labels/account_weights')}", names | fields)
    frozen: list[tuple[str, Decimal]] = con.execute("SELECT * FROM frozen ORDER BY account_id").fetchall()
    return {account_id: str(weight) for account_id, weight in frozen}, reason


POSITIVE_ALONE = {"w_positive": 1.0, "w_negative": 0.0}
