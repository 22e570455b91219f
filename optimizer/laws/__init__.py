"""The linear program's laws, one physical law a file: `add_*` states it, `load_*` brings new numbers."""
