FROM python:3.12-slim AS build
WORKDIR /app
ENV UV_LINK_MODE=copy
COPY requirements.lock Makefile pyproject.toml README.md LICENSE pyzn_cli.py ./
COPY pyzn_pipeline pyzn_pipeline
COPY pyzn_api pyzn_api
COPY pyzn_local pyzn_local
RUN apt-get update && apt-get install --yes --no-install-recommends make && make setup

FROM python:3.12-slim
RUN useradd --system --uid 10001 pyzn && install --directory --owner pyzn /dagster/storage
WORKDIR /app
COPY --from=build /app /app
COPY dagster.yaml /dagster/dagster.yaml
COPY workspace.yaml /app/workspace.yaml
ENV PATH=/app/.venv/bin:$PATH DAGSTER_HOME=/dagster PYTHONUNBUFFERED=1
USER pyzn
