-- The consensus pathways a clinic follows, where a request asks for none by name. Definitions differ by region, so it is
-- the clinic's choice; a clinic that has made none follows the European consensus of 2019. Pathways only ever add to what
-- the instruments say.

alter table clinics
    add column pathways text[] not null default '{ewgsop2}',
    add constraint clinics_pathways_known check (
        pathways <@ array['ewgsop2', 'awgs_2019', 'awgs_2025', 'sdoc'] and cardinality(pathways) <= 4
    );
