from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

from airunner.config.settings import SETTINGS, Settings
from airunner.errors import SettingsError

HERE = Path(__file__)
OTHER = HERE.parent / "test_byte_size.py"

# For every setting: the text of a flag and of a variable, the TOML of a file, and what each means.
EXAMPLES: dict[str, tuple[tuple[str, Any], tuple[str, Any], tuple[str, Any]]] = {
    "home": (("/a", Path("/a")), ("/b", Path("/b")), ("'/c'", Path("/c"))),
    "primary": (("a/model", "a/model"), ("b", "b"), ("'c'", "c")),
    "max_memory": (("600MB", 600_000_000), ("6.5GiB", 13 * 2**29), ("6.5", 6_500_000_000)),
    "reserve": (("0", 0), ("1GiB", 2**30), ("'8G'", 8 * 10**9)),
    "devices": (
        ("cpu:0=600MB,cpu:1", (("cpu:0", 600_000_000), ("cpu:1", None))),
        ("cuda:0=400MB", (("cuda:0", 400_000_000),)),
        ("{'cpu:0' = '1MB', 'cuda:1' = 5, metal = 'auto'}",
         (("cpu:0", 10**6), ("cuda:1", 5 * 10**9), ("metal", None))),
    ),
    "visible_gpus": (("0,1", "0,1"), ("GPU-12", "GPU-12"), ("''", "")),
    "assign": (
        ("summarization=cpu:1, translation = cpu:0",
         (("summarization", "cpu:1"), ("translation", "cpu:0"))),
        ("embedding=cpu", (("embedding", "cpu"),)),
        ("{code_generation = 'cuda:1'}", (("code_generation", "cuda:1"),)),
    ),
    "keep_in_memory": (("a, b,a", ("a", "b")), ("c", ("c",)), ("['d', 'e']", ("d", "e"))),
    "context": (("4096", 4096), ("2048", 2048), ("1024", 1024)),
    "parallel": (("2", 2), ("3", 3), ("4", 4)),
    "parallel_downloads": (("2", 2), ("3", 3), ("4", 4)),
    "kv_type": (("q8_0", "q8_0"), ("q4_0", "q4_0"), ("'q8_0'", "q8_0")),
    "threads": (("2", 2), ("3", 3), ("4", 4)),
    "llama_server": ((str(HERE), HERE), (str(OTHER), OTHER), (json.dumps(str(HERE)), HERE)),
    "engine": (("cu128", "cu128"), ("vulkan", "vulkan"), ("'rocm'", "rocm")),
    "engine_index": (("http://a", "http://a"), ("b", "b"), ("'c'", "c")),
    "chat_template": ((str(HERE), HERE), (str(OTHER), OTHER), (json.dumps(str(HERE)), HERE)),
    "parking_memory": (("0", 0), ("5MB", 5 * 10**6), ("'1KiB'", 1024)),
    "parking_disk": (("0", 0), ("5MB", 5 * 10**6), ("'1KiB'", 1024)),
    "queue_limit": (("1", 1), ("2", 2), ("3", 3)),
    "lease_timeout_s": (("1.5", 1.5), ("2", 2.0), ("3", 3.0)),
    "load_limit_s": (("1.5", 1.5), ("2", 2.0), ("3", 3.0)),
    "first_token_limit_s": (("1.5", 1.5), ("2", 2.0), ("3", 3.0)),
    "next_token_limit_s": (("1.5", 1.5), ("2", 2.0), ("3", 3.0)),
    "tool_timeout_s": (("1.5", 1.5), ("2", 2.0), ("3.5", 3.5)),
    "permissions": (
        ("@network=allow", (("@network", "allow"),)),
        ("write_file(path=a/*, mode=w)=allow,run_*=deny",
         (("write_file(path=a/*, mode=w)", "allow"), ("run_*", "deny"))),
        ("{'write_file(path=notes/*)' = 'allow'}", (("write_file(path=notes/*)", "allow"),)),
    ),
    "tools": (("files,web", ("files", "web")), ("-web", ("-web",)), ("['none']", ("none",))),
    "core_tools": (("a,b", ("a", "b")), ("ALL", ("all",)), ("['c']", ("c",))),
    "mcp_config": ((str(HERE), HERE), (str(OTHER), OTHER), (json.dumps(str(HERE)), HERE)),
    "max_steps": (("1", 1), ("2", 2), ("3", 3)),
    "max_tokens": (("1", 1), ("2", 2), ("3", 3)),
    "pictures": (("/a", Path("/a")), ("/b", Path("/b")), ("'/c'", Path("/c"))),
    "files": (("/a", Path("/a")), ("/b", Path("/b")), ("'/c'", Path("/c"))),
    "image_size": (("512x512", (512, 512)), ("640X480", (640, 480)), ("'8x16'", (8, 16))),
    "image_dtype": (("float32", "float32"), ("float16", "float16"), ("'bfloat16'", "bfloat16")),
    "allow_pickle": (("true", True), ("0", False), ("true", True)),
    "safety_checker": (("true", True), ("0", False), ("true", True)),
    "keep_parked": (("true", True), ("0", False), ("true", True)),
    "offline": (("true", True), ("0", False), ("true", True)),
}  # fmt: skip


def test_every_field_is_a_declared_setting_with_an_example() -> None:
    declared = [entry.name for entry in fields(Settings) if entry.name != "origins"]
    assert list(SETTINGS) == declared
    assert set(EXAMPLES) == set(SETTINGS) - {"config"}
    assert all(s.help and (s.metavar or s.is_switch) for s in SETTINGS.values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_flag_beats_environment_beats_file_beats_default(name: str, tmp_path: Path) -> None:
    flag, variable, entry = EXAMPLES[name]
    file = tmp_path / "mine.toml"
    file.write_text(f"{name} = {entry[0]}\n")
    environ = {"AIRUNNER_CONFIG": str(file)}
    environ_set = environ | {SETTINGS[name].variable: variable[0]}

    def seen(settings: Settings) -> tuple[Any, str]:
        return getattr(settings, name), settings.origins[name]

    by_file = Settings.load(environ=environ)
    assert seen(by_file) == (entry[1], f"mine.toml ({file})")
    assert (by_file.config, by_file.origins["config"]) == (file, "AIRUNNER_CONFIG")
    assert seen(Settings.load(environ=environ_set)) == (variable[1], SETTINGS[name].variable)
    by_flag = Settings.load({name: flag[0]}, environ_set)
    assert seen(by_flag) == (flag[1], "flag --" + name.replace("_", "-"))
    # A value that is already of the field's type is taken as it is, whichever way it comes.
    assert Settings.load({name: flag[1]}, environ) == by_flag
    assert seen(by_file.replace(**{name: flag[1]})) == (flag[1], "code")

    file.write_text("")
    assert seen(Settings.load(environ=environ)) == (getattr(Settings(), name), "default")


def test_one_file_is_read_named_or_of_the_home_or_of_the_user(tmp_path: Path) -> None:
    home, named = tmp_path / "home", tmp_path / "named.toml"
    home.mkdir()
    named.write_text("context = 1000")

    missing = Settings.load(environ={"AIRUNNER_HOME": str(home)})
    assert (missing.config, missing.context) == (None, "auto")

    (home / "config.toml").write_text("context = 2000\nparallel = 2")
    assert Settings.load(environ={"AIRUNNER_HOME": str(home)}).context == 2000
    by_flag = Settings.load({"home": str(home)}, {})
    assert (by_flag.context, by_flag.config) == (2000, home / "config.toml")

    both = {"AIRUNNER_HOME": str(home), "AIRUNNER_CONFIG": str(named)}
    assert (Settings.load(environ=both).context, Settings.load(environ=both).parallel) == (
        1000,
        "auto",
    )
    named.write_text(f"home = {json.dumps(str(home))}")
    moved = Settings.load({"config": named}, {})
    assert (moved.home, moved.context) == (home, "auto"), (
        "a file's home does not lead to another file"
    )


def test_the_user_s_file_is_read_when_no_home_is_named(tmp_path: Path) -> None:
    # platformdirs reads the process's own environment, so this needs a process of its own.
    code = (
        "import platformdirs, pathlib\n"
        "folder = pathlib.Path(platformdirs.user_config_dir('airunner', appauthor=False))\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'config.toml').write_text('context = 3000')\n"
        "from airunner.config.settings import Settings\n"
        "s = Settings.load()\n"
        "assert s.context == 3000 and s.config == folder / 'config.toml', s\n"
        "assert s.origins['config'] == 'default' and s.origins['home'] == 'default'\n"
        "print(s.home)\n"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AIRUNNER_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("home", " ", "path"),
        ("home", "a\0b", "path"),
        ("home", "~nosuchuser/x", "no user 'nosuchuser'"),
        ("files", "~nosuchuser", "give the full path"),
        ("image_size", "99999x64", "up to 16,384"),
        ("image_size", "9" * 5000 + "x64", "up to 16,384"),
        ("context", "9" * 20, "up to 2,147,483,647"),
        ("max_memory", "lots", "6.5GiB"),
        ("max_memory", "0", "at least 1.00 MB"),
        ("max_memory", True, "size"),
        ("max_memory", "60KB", "at least 1.00 MB"),
        ("max_memory", 6000, "6000 of what? Write 6000MB"),
        ("max_memory", "9999TB", "no machine has"),
        ("max_memory", float("nan"), "6.5GiB"),
        ("reserve", "-1", "size"),
        ("devices", "gpu0=1GB", "cuda:0"),
        ("devices", "cpu:0=x", "6.5GiB"),
        ("devices", "cpu:0=0", "at least 1.00 MB"),
        ("devices", "cpu:0,cpu:0", "twice"),
        ("devices", 5, "list"),
        ("assign", "summarization", "summarization=cpu:1"),
        ("assign", "summarization=gpu", "cuda:0"),
        ("assign", {"summarization": 3}, "summarization=cpu:1"),
        ("keep_in_memory", [1], "list"),
        ("primary", 7, "text"),
        ("context", "8k", "256 or more"),
        ("context", "100", "256 or more"),
        ("parallel", "0", "1 or more"),
        ("threads", True, "1 or more"),
        ("threads", 1.5, "1 or more"),
        ("kv_type", "f32", "f16, q8_0, q4_0"),
        ("llama_server", "/no/such/llama-server", "full path"),
        ("lease_timeout_s", "0", "above 0"),
        ("lease_timeout_s", "inf", "above 0"),
        ("tool_timeout_s", "soon", "above 0"),
        ("offline", "maybe", "true or false"),
    ],
)
def test_a_bad_value_is_refused_with_its_origin_and_what_to_write(
    name: str, value: object, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({name: value}, {"AIRUNNER_HOME": str(tmp_path)})
    error = caught.value
    assert (error.name, error.value) == (name, value)
    assert error.origin == "flag --" + name.replace("_", "-")
    assert hint in error.problem
    assert error.origin in str(error)


def test_a_bad_variable_is_named_and_an_empty_one_is_unset(tmp_path: Path) -> None:
    home = {"AIRUNNER_HOME": str(tmp_path)}
    with pytest.raises(SettingsError, match="from AIRUNNER_MAX_MEMORY"):
        Settings.load(environ=home | {"AIRUNNER_MAX_MEMORY": "much"})
    quiet = Settings.load(
        {"parallel": None}, home | {"AIRUNNER_MAX_MEMORY": "", "CUDA_VISIBLE_DEVICES": ""}
    )
    assert (quiet.max_memory, quiet.origins["max_memory"]) == (None, "default")
    assert quiet.origins["parallel"] == "default"
    assert quiet.visible_gpus == "", "CUDA reads an empty list as no GPU"
    assert Settings.load(environ=home).visible_gpus is None


@pytest.mark.parametrize(
    ("content", "name", "hint"),
    [
        (b"max_mem = '1GB'", "max_mem", "did you mean max_memory?"),
        (b"zzz = 1", "zzz", "airunner doctor"),
        (b"max_memory = '1QB'", "max_memory", "6.5GiB"),
        (b"config = 'x.toml'", "config", "cannot name another"),
        (b"max_memory = \n", "config", "line 1"),
        (b"\xff\xfe\xff", "config", "not valid TOML"),
    ],
)
def test_a_bad_file_is_named(content: bytes, name: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.load(environ={"AIRUNNER_HOME": str(tmp_path)})
    assert (caught.value.name, caught.value.origin) == (name, f"config.toml ({file})")
    assert hint in caught.value.problem


def test_a_named_file_must_be_readable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file"):
        Settings.load(environ={"AIRUNNER_CONFIG": str(tmp_path / "absent.toml")})
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load({"config": tmp_path}, {})


def test_an_unknown_flag_is_refused_with_a_suggestion() -> None:
    told = r"from the program\): no such setting; did you mean max_memory"
    with pytest.raises(SettingsError, match=told):
        Settings.load({"max-mem": 1}, {})


def test_replace_keeps_other_origins_and_clears_optional_values(tmp_path: Path) -> None:
    loaded = Settings.load({"max_memory": "1GB"}, {"AIRUNNER_HOME": str(tmp_path)})
    changed = loaded.replace(max_memory=None, devices="cpu:0=2MB")
    assert (changed.max_memory, changed.devices) == (None, (("cpu:0", 2_000_000),))
    assert changed.origins["max_memory"] == changed.origins["devices"] == "code"
    assert changed.origins["home"] == "AIRUNNER_HOME"
    assert loaded.max_memory == 10**9
    with pytest.raises(SettingsError):
        loaded.replace(context=None)
    with pytest.raises(FrozenInstanceError):
        loaded.context = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        loaded.origins["context"] = "x"  # type: ignore[index]


def test_values_are_shown_with_units() -> None:
    settings = Settings().replace(
        max_memory="600MB", devices="cpu:0=600MB,cpu:1", assign="embedding=cpu:1", offline=True
    )
    shown = {name: settings.shown(name) for name in SETTINGS}
    assert shown["max_memory"] == "600 MB"
    assert shown["devices"] == "cpu:0=600 MB,cpu:1"
    assert shown["assign"] == "embedding=cpu:1"
    assert (shown["offline"], shown["reserve"], shown["lease_timeout_s"]) == ("yes", "-", "600")


def test_importing_settings_loads_nothing_heavy() -> None:
    code = (
        "import sys, airunner.config.settings\n"
        "heavy = {'tomllib', 'platformdirs', 'difflib', 'pydantic', 'numpy', 'psutil', 'typer'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "content",
    [
        Path(__file__).parents[1].joinpath("cases/documents/config-with-bom.toml").read_bytes(),
        'max_memory = "6GB"\r\ncontext = 4096\r\n'.encode("utf-8-sig"),
        'max_memory = "6GB"\ncontext = 4096\n'.encode("utf-16"),
        b"max_memory = 6\ncontext = 4096",
        b"max_memory = 6.0\ncontext = 4096",
    ],
)
def test_a_file_as_editors_write_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(content)
    read = Settings.load(environ={"AIRUNNER_HOME": str(tmp_path)})
    assert (read.max_memory, read.context) == (6 * 10**9, 4096)


def test_a_user_without_a_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user no file knows."""

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_PICTURES_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"no home folder; name one with --home"):
        Settings.load(environ={})
    with pytest.raises(SettingsError, match=r"no home folder; give the full path"):
        Settings.load({"home": "~/x"}, {})
    told = Settings.load({"home": "/srv/airunner"}, {})
    assert told.files == Path("/srv/airunner/files")
    assert told.pictures == Path("/srv/airunner/pictures")
    assert not list(tmp_path.iterdir()), "nothing was made under a folder called ~"
