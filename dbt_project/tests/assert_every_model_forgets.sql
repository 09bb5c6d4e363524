-- Models that can identify a user and don't declare how a deleted user leaves them
-- (macros/forgets.sql).
select silent.model
from string_to_table('{{ models_that_forget_nobody() }}', ',') as silent (model)
where silent.model <> ''
