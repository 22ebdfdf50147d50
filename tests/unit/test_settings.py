from ipaddress import ip_network
from pathlib import Path

import pytest

from carillon.errors import InvalidInputError
from carillon.settings import Settings, describe_settings, load_settings


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "carillon.toml") -> Path:
    path = Path(name)
    path.write_text(text, "utf-8")
    return path


def test_without_any_source_the_defaults_hold() -> None:
    settings = load_settings({}, environment={})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.role) == ("127.0.0.1", 8080, "all")
    assert settings.secret_key_path == Path("data/secret.key")


def test_each_source_goes_over_the_one_before() -> None:
    write("port = 1001\nhost = 'one'\nrole = 'api'\nworker_poll_seconds = 11")
    environment = {"CARILLON_PORT": "1002", "CARILLON_HOST": "two", "CARILLON_ROLE": "worker"}
    settings = load_settings({"port": 1003, "host": "three"}, environment=environment)
    assert (settings.port, settings.host, settings.role, settings.worker_poll_seconds) == (1003, "three", "worker", 11)


def test_a_flag_that_was_not_given_and_an_empty_variable_count_for_nothing() -> None:
    settings = load_settings({"port": None}, environment={"CARILLON_PORT": "", "CARILLON_DATABASE_URL": ""})
    assert settings == Settings()


def test_the_file_is_the_named_one_before_the_variable_s_and_that_before_the_working_directory_s() -> None:
    write("port = 1001")
    by_variable, by_flag = write("port = 1002", "variable.toml"), write("port = 1003", "flag.toml")
    assert load_settings({}, environment={}).port == 1001
    assert load_settings({}, environment={"CARILLON_CONFIG": str(by_variable)}).port == 1002
    assert load_settings({}, config=by_flag, environment={"CARILLON_CONFIG": str(by_variable)}).port == 1003


@pytest.mark.parametrize("name", ["trusted_proxies", "outbound_allow"])
def test_networks_are_a_list_in_the_file_and_commas_in_the_environment(name: str) -> None:
    expected = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"), ip_network("192.0.2.7"))
    write(f"{name} = ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7']")
    assert getattr(load_settings({}, environment={}), name) == expected
    environment = {f"CARILLON_{name.upper()}": "10.0.0.0/8, 2001:db8::/32,192.0.2.7"}
    assert getattr(load_settings({}, environment=environment), name) == expected


def test_a_trusted_network_of_ipv4_mapped_addresses_is_the_one_of_ipv4() -> None:
    environment = {"CARILLON_TRUSTED_PROXIES": "::ffff:10.0.0.0/104, ::ffff:192.0.2.7, ::/0"}
    expected = (ip_network("10.0.0.0/8"), ip_network("192.0.2.7"), ip_network("::/0"))
    assert load_settings({}, environment=environment).trusted_proxies == expected


def test_a_home_in_a_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/srv/bells")
    settings = load_settings({}, environment={"CARILLON_DATA_DIR": "~/data"})
    assert settings.secret_key_path == Path("/srv/bells/data/secret.key")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "eighty"),
        ("port", "65536"),
        ("port", "-1"),
        ("port", "80.5"),
        ("host", " "),
        ("role", "king"),
        ("data_dir", "  "),
        ("data_dir", "a\0b"),
        ("database_pool_size", "0"),
        ("database_url", "mysql://somewhere/else"),
        ("control_url", "somewhere"),
        ("statement_timeout_seconds", "-1"),
        ("statement_timeout_seconds", "nan"),
        ("statement_timeout_seconds", "inf"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("trusted_proxies", "proxy.example"),
        ("outbound_allow", "localhost"),
        ("max_body_bytes", "1"),
        ("list_page_size", "0"),
        ("worker_poll_seconds", "0"),
        ("worker_poll_seconds", "soon"),
        ("log_level", "loud"),
        ("dns_server", "dns.example"),
        ("log_format", "xml"),
    ],
)
def test_nonsense_is_refused_with_the_field_s_name_and_where_it_stands(name: str, value: str) -> None:
    variable = f"CARILLON_{name.upper()}"
    with pytest.raises(InvalidInputError) as refused:
        load_settings({}, environment={variable: value})
    assert refused.value.field == name
    assert variable in refused.value.message


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("prot = 8080", "prot"),
        ("port = true", "port"),
        ("port = [8080]", "port"),
        ("role = ['api']", "role"),
        ("host = 3", "host"),
        ("data_dir = 3", "data_dir"),
        ("trusted_proxies = 3", "trusted_proxies"),
        ("trusted_proxies = [3]", "trusted_proxies"),
        ("database_url = 3", "database_url"),
        ("[port]\nnumber = 1", "port"),
        ("port = ", "config"),
    ],
)
def test_nonsense_in_the_file_is_refused_with_the_field_s_name(text: str, field: str) -> None:
    write(text)
    with pytest.raises(InvalidInputError, match=r"carillon\.toml") as refused:
        load_settings({}, environment={})
    assert refused.value.field == field


def test_a_named_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"absent\.toml"):
        load_settings({}, config=Path("absent.toml"), environment={})


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("carillon.toml").write_bytes(b"host = '\xff'")
    with pytest.raises(InvalidInputError, match="can't be read"):
        load_settings({}, environment={})


def test_a_coordinator_without_a_database_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="database_url"):
        load_settings({}, environment={"CARILLON_CONTROL_URL": "postgresql://coordinator/carillon"})


def test_a_password_in_a_url_is_shown_nowhere() -> None:
    url = "postgresql://carillon:ding-dong@db.example/carillon"
    assert "ding-dong" not in repr(load_settings({"database_url": url}, environment={}))
    with pytest.raises(InvalidInputError) as refused:
        load_settings({"database_url": f"x{url}"}, environment={})
    assert "ding-dong" not in str(refused.value)


def test_every_setting_is_described_with_a_sentence_and_a_default_that_is_taken_back() -> None:
    descriptions = describe_settings()
    assert [one.name for one in descriptions] == list(Settings.__struct_fields__)
    for one in descriptions:
        assert one.sentence.endswith(".")
        assert one.kind
        if one.default:
            write(f"{one.name} = {one.default}")
            assert load_settings({}, environment={}) == Settings()
