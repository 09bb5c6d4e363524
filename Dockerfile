# The image of every Airflow service and of both migrations in docker-compose.yml.
FROM python:3.11.15-slim-trixie

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

# The user owns its state and nothing else; a volume mounted there becomes its own too.
RUN groupadd --gid 10001 warehouse \
    && useradd --uid 10001 --gid warehouse --home-dir /var/lib/warehouse \
        --no-create-home --shell /usr/sbin/nologin warehouse \
    && install --directory --owner=warehouse --group=warehouse --mode=0750 \
        /var/lib/warehouse

WORKDIR /opt/warehouse

# Before the project, so that a change of the project does not install them again.
COPY requirements.txt ./
RUN pip install -r requirements.txt

COPY pyproject.toml feeds.yml funnels.yml ./
COPY dags ./dags
COPY dbt_project ./dbt_project
COPY plugins ./plugins
# Compiled here, because no container may write below /opt.
RUN pip install --no-deps --no-build-isolation -e . \
    && python -m compileall -q dags plugins

USER warehouse
CMD ["warehouse", "--help"]
