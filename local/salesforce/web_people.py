"""The page at /: what the org holds, for a person."""

from typing import Any

from flask import Blueprint, render_template

from local.salesforce.people import People


def blueprint(site: People) -> Blueprint:
    web = Blueprint("people", __name__, template_folder="templates")

    @web.get("/")
    def overview() -> str:
        if "ServiceAppointment" not in site.org.objects:
            return render_template("overview.html", appointments=[], entries=[])
        return render_template(
            "overview.html", appointments=_appointments(site), entries=_entries(site)
        )

    return web


def _appointments(site: People) -> list[dict[str, Any]]:
    names = {row["Id"]: row["Name"] for row in site.rows("ServiceResource")}
    assigned: dict[str, list[str]] = {}
    for each in site.rows("AssignedResource"):
        name = names.get(each["ServiceResourceId"], "?")
        assigned.setdefault(each["ServiceAppointmentId"], []).append(name)
    events: dict[str, list[dict[str, Any]]] = {}
    for each in sorted(site.rows("Event"), key=lambda row: str(row["StartDateTime"])):
        events.setdefault(each["WhatId"], []).append(each)
    return [
        row | {"resources": assigned.get(row["Id"], []), "events": events.get(row["Id"], [])}
        for row in site.rows("ServiceAppointment")
    ]


def _entries(site: People) -> list[dict[str, Any]]:
    names = {row["Id"]: row["Name"] for row in site.rows("ServiceResource")}
    sheets = {row["Id"]: names.get(row["ServiceResourceId"]) for row in site.rows("TimeSheet")}
    return [
        row | {"resource": sheets.get(row["TimeSheetId"])}
        for row in site.rows("TimeSheetEntry")
    ]
