"""Where a gateway listens: alone on SQLite, on PostgreSQL beside others that share the work."""

import subprocess
import sys

import pytest
from running import ONDER, environment, running, started

from gateway.invented import message


def test_a_second_gateway_on_the_same_address_says_what_to_do(tmp_path):
    with running(tmp_path / "poort") as gateway:
        settings = gateway.home / "ketenpoort.toml"
        settings.write_text(settings.read_text().replace("poort = 0", f"poort = {gateway.port}"))
        done = subprocess.run(
            [sys.executable, "-m", "gateway.cli", "draai", "--instellingen", settings],
            env=environment(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert f"kan niet luisteren op 127.0.0.1:{gateway.port}" in done.stderr
    assert "kies een ander 'adres'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_gateways_on_postgresql_share_an_address_and_what_one_takes_in_the_other_gives(tmp_path, database_url):
    with running(tmp_path / "poort", database=database_url) as first:
        settings = first.home / "ketenpoort.toml"
        settings.write_text(settings.read_text().replace("poort = 0", f"poort = {first.port}"))
        with started(first.home) as second:
            assert second.port == first.port
            sent = {first.send(message("ho301-gewoon", f"D{number}")).json["berichtId"] for number in range(12)}
            first.process.terminate()
            first.process.wait(30)
            listed = second.ask("GET", "/v1/bezorgingen", party=ONDER).json["bezorgingen"]
    assert {each["berichtId"] for each in listed} == sent
