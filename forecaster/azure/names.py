"""What Azure calls things, and what they are called here."""

from __future__ import annotations

SECTIONS = ("forecasting", "forecasting_parameters", "forecasting_settings", "limits", "training")
"""Parts of a YAML job that hold further settings."""

RENAMED = {
    "max_horizon": "forecast_horizon",
    "grain_column_names": "time_series_id_column_names",
    "target_column_name": "label_column_name",
    "validation_data_size": "validation_size",
    "test_data_size": "test_size",
    "frequency": "freq",
    "holiday_country": "country_or_region_for_holidays",
    "country_or_region": "country_or_region_for_holidays",
    "country": "country_or_region_for_holidays",
    "whitelist_models": "allowed_models",
    "allowed_training_algorithms": "allowed_models",
    "blacklist_models": "blocked_models",
    "blocked_training_algorithms": "blocked_models",
    "group_column_names": "partition_column_names",
    "target_aggregate_function": "target_aggregation_function",
    "short_series_handling_config": "short_series_handling_configuration",
    "max_trials": "iterations",
    "trial_timeout_minutes": "iteration_timeout_minutes",
    "timeout_minutes": "experiment_timeout_minutes",
    "max_concurrent_trials": "max_concurrent_iterations",
    "max_cores_per_trial": "max_cores_per_iteration",
    "enable_early_termination": "enable_early_stopping",
    "exit_score": "experiment_exit_score",
    "enable_dnn_training": "enable_dnn",
    "enable_vote_ensemble": "enable_voting_ensemble",
    "enable_model_explainability": "model_explainability",
    "log_verbosity": "verbosity",
    "task_type": "task",
    "training_level": "hierarchy_training_level",
    "forecast_level": "hierarchy_forecast_level",
}
"""Old names, and those of YAML jobs -> the name used here."""

METRICS = {
    "normalized_root_mean_squared_error": "nrmse",
    "normalized_mean_absolute_error": "nmae",
    "r2_score": "r2",
    "spearman_correlation": "spearman",
}

MODELS = {
    "Arimax": "arima",
    "AutoArima": "arima",
    "Average": "average",
    "DecisionTree": "decision_tree",
    "ElasticNet": "elastic_net",
    "ExponentialSmoothing": "ets",
    "ExtremeRandomTrees": "extra_trees",
    "ForecastTCN": "tcn",
    "GradientBoosting": "gradient_boosting",
    "KNN": "knn",
    "LassoLars": "lasso_lars",
    "LightGBM": "lightgbm",
    "Naive": "naive",
    "Prophet": "prophet",
    "RandomForest": "random_forest",
    "SGD": "sgd",
    "SeasonalAverage": "seasonal_average",
    "SeasonalNaive": "seasonal_naive",
    "TCNForecaster": "tcn",
    "XGBoostRegressor": "xgboost",
}

GONE = ("FastLinearRegressor", "OnlineGradientDescentRegressor", "TensorFlowDNN", "TensorFlowLinearRegressor")
"""Models that Azure itself has dropped."""

ALLOCATION = {
    "proportions_of_historical_average": "proportion_averages",
    "average_historical_proportions": "average_proportions",
}

CLOUD = (
    "$schema", "allow_multi_partitions", "arguments", "auto_blacklist", "compute", "compute_target", "debug_log", "description",
    "display_name", "enable_cache", "enable_code_generation", "enable_dnn_featurization", "enable_engineered_explanations",
    "enable_local_managed", "enable_onnx_compatible_models", "enable_tf", "enforce_time_on_windows",
    "ensemble_download_models_timeout_sec", "ensemble_model_download_timeout", "environment_variables", "error_threshold",
    "exclude_nan_labels", "experiment", "experiment_name", "force_text_dnn", "identity", "is_timeseries",
    "max_concurrency_per_instance", "max_nodes", "mem_in_mb", "mini_batch_size", "model_explainability", "name", "node_count",
    "output_action", "output_datastore", "outputs", "path", "pipeline_fetch_max_batch_size", "process_count_per_node", "resources",
    "run_invocation_timeout", "send_telemetry", "services", "show_warnings", "spark_context", "tags", "track_child_runs", "train_data",
    "train_env", "training_data", "training_mode", "type", "validate_parameters", "verbosity",
)  # fmt: skip
"""Settings of the service, of its logs and of its machines."""
