-- People rename themselves, and owners and admins their projects. Nothing else of these rows is theirs to change.
GRANT UPDATE (full_name) ON users TO agentops_user;
CREATE POLICY renames_self ON users FOR UPDATE TO agentops_user
    USING (id = (SELECT agentops_claim('user_id')));

GRANT UPDATE (name) ON projects TO agentops_user;
CREATE POLICY administrator ON projects FOR UPDATE TO agentops_user
    USING (organization_id IN (
        SELECT organization_id FROM memberships
        WHERE user_id = (SELECT agentops_claim('user_id')) AND role IN ('owner', 'admin')));
