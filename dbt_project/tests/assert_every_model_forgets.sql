-- A model that can tell of a user says how one leaves it (macros/forgets.sql): each row
-- here is one that does not.
select silent.model
from string_to_table('{{ models_that_forget_nobody() }}', ',') as silent (model)
where silent.model <> ''
