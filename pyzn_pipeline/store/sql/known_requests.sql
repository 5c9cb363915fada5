-- Of the requests that Dagster may still change, or that it took after :since: id, ended.
SELECT id, ended FROM pyzn.requests WHERE NOT ended OR asked_at > :since
