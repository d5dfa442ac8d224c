"""What Azure calls things, and what they are called here."""

from __future__ import annotations

SECTIONS = ("forecasting", "forecasting_parameters", "forecasting_settings", "limits", "training")
"""Parts of a YAML job that hold further settings."""

RENAMED = {
    "max_horizon": "forecast_horizon",
    "grain_column_names": "time_series_id_column_names",
    "target_column_name": "label_column_name",
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
    "$schema", "allow_multi_partitions", "arguments", "compute", "compute_target", "debug_log", "description", "display_name",
    "enable_cache", "enable_engineered_explanations", "enable_onnx_compatible_models", "enable_tf", "error_threshold",
    "exclude_nan_labels", "experiment", "experiment_name", "force_text_dnn", "is_timeseries", "max_concurrency_per_instance",
    "max_nodes", "mini_batch_size", "model_explainability", "name", "node_count", "output_action", "output_datastore", "path",
    "pipeline_fetch_max_batch_size", "process_count_per_node", "run_invocation_timeout", "send_telemetry", "show_warnings", "tags",
    "test_data", "track_child_runs", "train_data", "train_env", "training_data", "type", "validate_parameters", "verbosity",
)  # fmt: skip
"""Settings of the service, of its logs and of its machines."""
