// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "documentstatus"))]
    pub struct Documentstatus;

    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "leavestatus"))]
    pub struct Leavestatus;

    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "taskstatus"))]
    pub struct Taskstatus;

    #[derive(diesel::query_builder::QueryId, Clone, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "userrole"))]
    pub struct Userrole;
}

diesel::table! {
    email_logs (id) {
        id -> Int4,
        recipient_email -> Varchar,
        recipient_name -> Nullable<Varchar>,
        subject -> Varchar,
        template_type -> Nullable<Varchar>,
        status -> Varchar,
        error_message -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        created_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    email_settings (id) {
        id -> Int4,
        smtp_server -> Varchar,
        smtp_port -> Int4,
        smtp_username -> Varchar,
        smtp_password -> Varchar,
        smtp_use_tls -> Nullable<Bool>,
        smtp_use_ssl -> Nullable<Bool>,
        from_email -> Varchar,
        from_name -> Varchar,
        is_active -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    email_templates (id) {
        id -> Int4,
        name -> Varchar,
        subject -> Varchar,
        body -> Text,
        template_type -> Varchar,
        is_active -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    employee_details (id) {
        id -> Int4,
        user_id -> Int4,
        employee_id -> Nullable<Varchar>,
        date_of_birth -> Nullable<Date>,
        gender -> Nullable<Varchar>,
        marital_status -> Nullable<Varchar>,
        nationality -> Nullable<Varchar>,
        personal_email -> Nullable<Varchar>,
        emergency_contact_name -> Nullable<Varchar>,
        emergency_contact_phone -> Nullable<Varchar>,
        emergency_contact_relation -> Nullable<Varchar>,
        current_address -> Nullable<Text>,
        permanent_address -> Nullable<Text>,
        city -> Nullable<Varchar>,
        state -> Nullable<Varchar>,
        postal_code -> Nullable<Varchar>,
        country -> Nullable<Varchar>,
        department -> Nullable<Varchar>,
        manager_id -> Nullable<Int4>,
        employment_type -> Nullable<Varchar>,
        work_location -> Nullable<Varchar>,
        work_schedule -> Nullable<Varchar>,
        basic_salary -> Nullable<Varchar>,
        currency -> Nullable<Varchar>,
        bank_name -> Nullable<Varchar>,
        bank_account_number -> Nullable<Varchar>,
        ifsc_code -> Nullable<Varchar>,
        skills -> Nullable<Text>,
        certifications -> Nullable<Text>,
        education_qualification -> Nullable<Varchar>,
        previous_experience_years -> Nullable<Int4>,
        probation_period_months -> Nullable<Int4>,
        probation_start_date -> Nullable<Date>,
        probation_end_date -> Nullable<Date>,
        probation_status -> Nullable<Varchar>,
        probation_review_date -> Nullable<Date>,
        probation_review_notes -> Nullable<Text>,
        probation_reviewer_id -> Nullable<Int4>,
        termination_date -> Nullable<Date>,
        termination_reason -> Nullable<Varchar>,
        termination_type -> Nullable<Varchar>,
        termination_notice_period_days -> Nullable<Int4>,
        last_working_date -> Nullable<Date>,
        termination_notes -> Nullable<Text>,
        termination_initiated_by -> Nullable<Int4>,
        exit_interview_date -> Nullable<Date>,
        exit_interview_notes -> Nullable<Text>,
        clearance_status -> Nullable<Varchar>,
        final_settlement_amount -> Nullable<Varchar>,
        final_settlement_date -> Nullable<Date>,
        is_active -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    employment_history (id) {
        id -> Int4,
        user_id -> Int4,
        position_title -> Varchar,
        department -> Nullable<Varchar>,
        employment_type -> Nullable<Varchar>,
        work_location -> Nullable<Varchar>,
        start_date -> Date,
        end_date -> Nullable<Date>,
        salary -> Nullable<Varchar>,
        currency -> Nullable<Varchar>,
        manager_id -> Nullable<Int4>,
        reporting_manager_name -> Nullable<Varchar>,
        status -> Nullable<Varchar>,
        reason_for_change -> Nullable<Text>,
        notes -> Nullable<Text>,
        is_current -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    holidays (id) {
        id -> Int4,
        date -> Timestamptz,
        title -> Varchar,
        description -> Nullable<Text>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
        is_active -> Nullable<Bool>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Leavestatus;

    leaves (id) {
        id -> Int4,
        user_id -> Int4,
        start_date -> Timestamptz,
        end_date -> Timestamptz,
        reason -> Text,
        status -> Leavestatus,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
        total_days -> Numeric,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Taskstatus;

    tasks (id) {
        id -> Int4,
        user_id -> Int4,
        name -> Varchar,
        description -> Nullable<Text>,
        status -> Taskstatus,
        due_date -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        priority -> Nullable<Varchar>,
        category -> Nullable<Varchar>,
        is_active -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Userrole;
    use super::sql_types::Documentstatus;

    users (id) {
        id -> Int4,
        email -> Varchar,
        hashed_password -> Varchar,
        name -> Varchar,
        phone -> Nullable<Varchar>,
        role -> Userrole,
        is_active -> Nullable<Bool>,
        created_at -> Nullable<Timestamptz>,
        updated_at -> Nullable<Timestamptz>,
        designation -> Nullable<Varchar>,
        joining_date -> Nullable<Date>,
        wifi_user_id -> Nullable<Varchar>,
        profile_image -> Nullable<Varchar>,
        aadhaar_front -> Nullable<Varchar>,
        aadhaar_back -> Nullable<Varchar>,
        pan_image -> Nullable<Varchar>,
        profile_image_status -> Nullable<Documentstatus>,
        aadhaar_front_status -> Nullable<Documentstatus>,
        aadhaar_back_status -> Nullable<Documentstatus>,
        pan_image_status -> Nullable<Documentstatus>,
    }
}

diesel::joinable!(leaves -> users (user_id));
diesel::joinable!(tasks -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    email_logs,
    email_settings,
    email_templates,
    employee_details,
    employment_history,
    holidays,
    leaves,
    tasks,
    users,
);
