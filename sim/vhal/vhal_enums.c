/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The constants of the AAOS vehicle HAL, Android 15, sorted by type and name,
 * and what the reference VHAL's configuration files know beside them:
 * Constants, VehicleVendorPermission and TestVendorProperty. Sources: the AIDL
 * enums of the interface; the reference JSON loader; the AIDL file of the test
 * properties.
 */
#include "config.h"

#include "sim/vhal/vhal_priv.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct vhal_const rows[] = {
	{ "AutomaticEmergencyBrakingState", "ACTIVATED", 2 },
	{ "AutomaticEmergencyBrakingState", "ENABLED", 1 },
	{ "AutomaticEmergencyBrakingState", "OTHER", 0 },
	{ "AutomaticEmergencyBrakingState", "USER_OVERRIDE", 3 },
	{ "BlindSpotWarningState", "NO_WARNING", 1 },
	{ "BlindSpotWarningState", "OTHER", 0 },
	{ "BlindSpotWarningState", "WARNING", 2 },
	{ "CameraServiceState", "ACTIVE", 3 },
	{ "CameraServiceState", "INACTIVE", 1 },
	{ "CameraServiceState", "REQUESTED", 2 },
	{ "CameraServiceState", "UNAVAILABLE", 0 },
	{ "Constants", "CHARGE_PORT_FRONT_LEFT", 1 },
	{ "Constants", "CHARGE_PORT_REAR_LEFT", 4 },
	{ "Constants", "DOOR_1_LEFT", 1 },
	{ "Constants", "DOOR_1_RIGHT", 4 },
	{ "Constants", "DOOR_2_LEFT", 16 },
	{ "Constants", "DOOR_2_RIGHT", 64 },
	{ "Constants", "DOOR_REAR", 0x20000000 },
	{ "Constants", "EV_STOPPING_MODE_CREEP", 1 },
	{ "Constants", "EV_STOPPING_MODE_HOLD", 3 },
	{ "Constants", "EV_STOPPING_MODE_ROLL", 2 },
	{ "Constants", "FAN_DIRECTION_DEFROST", 4 },
	{ "Constants", "FAN_DIRECTION_FACE", 1 },
	{ "Constants", "FAN_DIRECTION_FACE_DEFROST", 5 },
	{ "Constants", "FAN_DIRECTION_FACE_FLOOR", 3 },
	{ "Constants", "FAN_DIRECTION_FLOOR", 2 },
	{ "Constants", "FAN_DIRECTION_FLOOR_DEFROST", 6 },
	{ "Constants", "FAN_DIRECTION_FLOOR_DEFROST_FACE", 7 },
	{ "Constants", "FAN_DIRECTION_UNKNOWN", 0 },
	{ "Constants", "FUEL_DOOR_REAR_LEFT", 4 },
	{ "Constants", "HVAC_ALL", 117 },
	{ "Constants", "HVAC_FRONT_ROW", 5 },
	{ "Constants", "HVAC_LEFT", 49 },
	{ "Constants", "HVAC_REAR_ROW", 112 },
	{ "Constants", "HVAC_RIGHT", 68 },
	{ "Constants", "LIGHT_STATE_OFF", 0 },
	{ "Constants", "LIGHT_STATE_ON", 1 },
	{ "Constants", "LIGHT_SWITCH_AUTO", 256 },
	{ "Constants", "LIGHT_SWITCH_OFF", 0 },
	{ "Constants", "LIGHT_SWITCH_ON", 1 },
	{ "Constants", "MIRROR_DRIVER_LEFT_RIGHT", 3 },
	{ "Constants", "SEAT_1_LEFT", 1 },
	{ "Constants", "SEAT_1_RIGHT", 4 },
	{ "Constants", "SEAT_2_CENTER", 32 },
	{ "Constants", "SEAT_2_LEFT", 16 },
	{ "Constants", "SEAT_2_LEFT_2_RIGHT_2_CENTER", 112 },
	{ "Constants", "SEAT_2_RIGHT", 64 },
	{ "Constants", "WHEEL_FRONT_LEFT", 1 },
	{ "Constants", "WHEEL_FRONT_RIGHT", 2 },
	{ "Constants", "WHEEL_REAR_LEFT", 4 },
	{ "Constants", "WHEEL_REAR_RIGHT", 8 },
	{ "Constants", "WINDOW_1_LEFT", 16 },
	{ "Constants", "WINDOW_1_RIGHT", 64 },
	{ "Constants", "WINDOW_1_RIGHT_2_LEFT_2_RIGHT", 1344 },
	{ "Constants", "WINDOW_2_LEFT", 256 },
	{ "Constants", "WINDOW_2_RIGHT", 1024 },
	{ "Constants", "WINDOW_ROOF_TOP_1", 0x10000 },
	{ "CreateUserStatus", "FAILURE", 2 },
	{ "CreateUserStatus", "SUCCESS", 1 },
	{ "CrossTrafficMonitoringWarningState", "NO_WARNING", 1 },
	{ "CrossTrafficMonitoringWarningState", "OTHER", 0 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_FRONT_BOTH", 4 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_FRONT_LEFT", 2 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_FRONT_RIGHT", 3 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_REAR_BOTH", 7 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_REAR_LEFT", 5 },
	{ "CrossTrafficMonitoringWarningState", "WARNING_REAR_RIGHT", 6 },
	{ "CruiseControlCommand", "ACTIVATE", 1 },
	{ "CruiseControlCommand", "DECREASE_TARGET_SPEED", 4 },
	{ "CruiseControlCommand", "DECREASE_TARGET_TIME_GAP", 6 },
	{ "CruiseControlCommand", "INCREASE_TARGET_SPEED", 3 },
	{ "CruiseControlCommand", "INCREASE_TARGET_TIME_GAP", 5 },
	{ "CruiseControlCommand", "SUSPEND", 2 },
	{ "CruiseControlState", "ACTIVATED", 2 },
	{ "CruiseControlState", "ENABLED", 1 },
	{ "CruiseControlState", "FORCED_DEACTIVATION_WARNING", 5 },
	{ "CruiseControlState", "OTHER", 0 },
	{ "CruiseControlState", "SUSPENDED", 4 },
	{ "CruiseControlState", "USER_OVERRIDE", 3 },
	{ "CruiseControlType", "ADAPTIVE", 2 },
	{ "CruiseControlType", "OTHER", 0 },
	{ "CruiseControlType", "PREDICTIVE", 3 },
	{ "CruiseControlType", "STANDARD", 1 },
	{ "CustomInputType", "CUSTOM_EVENT_F1", 1001 },
	{ "CustomInputType", "CUSTOM_EVENT_F10", 1010 },
	{ "CustomInputType", "CUSTOM_EVENT_F2", 1002 },
	{ "CustomInputType", "CUSTOM_EVENT_F3", 1003 },
	{ "CustomInputType", "CUSTOM_EVENT_F4", 1004 },
	{ "CustomInputType", "CUSTOM_EVENT_F5", 1005 },
	{ "CustomInputType", "CUSTOM_EVENT_F6", 1006 },
	{ "CustomInputType", "CUSTOM_EVENT_F7", 1007 },
	{ "CustomInputType", "CUSTOM_EVENT_F8", 1008 },
	{ "CustomInputType", "CUSTOM_EVENT_F9", 1009 },
	{ "DriverDistractionState", "DISTRACTED", 2 },
	{ "DriverDistractionState", "NOT_DISTRACTED", 1 },
	{ "DriverDistractionState", "OTHER", 0 },
	{ "DriverDistractionWarning", "NO_WARNING", 1 },
	{ "DriverDistractionWarning", "OTHER", 0 },
	{ "DriverDistractionWarning", "WARNING", 2 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_1_EXTREMELY_ALERT", 1 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_2_VERY_ALERT", 2 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_3_ALERT", 3 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_4_RATHER_ALERT", 4 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_5_NEITHER_ALERT_NOR_SLEEPY", 5 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_6_SOME_SLEEPINESS", 6 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_7_SLEEPY_NO_EFFORT", 7 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_8_SLEEPY_SOME_EFFORT", 8 },
	{ "DriverDrowsinessAttentionState", "KSS_RATING_9_VERY_SLEEPY", 9 },
	{ "DriverDrowsinessAttentionState", "OTHER", 0 },
	{ "DriverDrowsinessAttentionWarning", "NO_WARNING", 1 },
	{ "DriverDrowsinessAttentionWarning", "OTHER", 0 },
	{ "DriverDrowsinessAttentionWarning", "WARNING", 2 },
	{ "ElectronicStabilityControlState", "ACTIVATED", 2 },
	{ "ElectronicStabilityControlState", "ENABLED", 1 },
	{ "ElectronicStabilityControlState", "OTHER", 0 },
	{ "ElectronicTollCollectionCardStatus", "ELECTRONIC_TOLL_COLLECTION_CARD_INVALID", 2 },
	{ "ElectronicTollCollectionCardStatus", "ELECTRONIC_TOLL_COLLECTION_CARD_NOT_INSERTED", 3 },
	{ "ElectronicTollCollectionCardStatus", "ELECTRONIC_TOLL_COLLECTION_CARD_VALID", 1 },
	{ "ElectronicTollCollectionCardStatus", "UNKNOWN", 0 },
	{ "ElectronicTollCollectionCardType", "JP_ELECTRONIC_TOLL_COLLECTION_CARD", 1 },
	{ "ElectronicTollCollectionCardType", "JP_ELECTRONIC_TOLL_COLLECTION_CARD_V2", 2 },
	{ "ElectronicTollCollectionCardType", "UNKNOWN", 0 },
	{ "EmergencyLaneKeepAssistState", "ACTIVATED_STEER_LEFT", 4 },
	{ "EmergencyLaneKeepAssistState", "ACTIVATED_STEER_RIGHT", 5 },
	{ "EmergencyLaneKeepAssistState", "ENABLED", 1 },
	{ "EmergencyLaneKeepAssistState", "OTHER", 0 },
	{ "EmergencyLaneKeepAssistState", "USER_OVERRIDE", 6 },
	{ "EmergencyLaneKeepAssistState", "WARNING_LEFT", 2 },
	{ "EmergencyLaneKeepAssistState", "WARNING_RIGHT", 3 },
	{ "ErrorState", "NOT_AVAILABLE_DISABLED", -2 },
	{ "ErrorState", "NOT_AVAILABLE_POOR_VISIBILITY", -5 },
	{ "ErrorState", "NOT_AVAILABLE_SAFETY", -6 },
	{ "ErrorState", "NOT_AVAILABLE_SPEED_HIGH", -4 },
	{ "ErrorState", "NOT_AVAILABLE_SPEED_LOW", -3 },
	{ "ErrorState", "OTHER_ERROR_STATE", -1 },
	{ "EvChargeState", "CHARGING", 1 },
	{ "EvChargeState", "ERROR", 4 },
	{ "EvChargeState", "FULLY_CHARGED", 2 },
	{ "EvChargeState", "NOT_CHARGING", 3 },
	{ "EvChargeState", "UNKNOWN", 0 },
	{ "EvConnectorType", "GBT_AC", 10 },
	{ "EvConnectorType", "GBT_DC", 11 },
	{ "EvConnectorType", "IEC_TYPE_1_AC", 1 },
	{ "EvConnectorType", "IEC_TYPE_1_CCS_DC", 5 },
	{ "EvConnectorType", "IEC_TYPE_2_AC", 2 },
	{ "EvConnectorType", "IEC_TYPE_2_CCS_DC", 6 },
	{ "EvConnectorType", "IEC_TYPE_3_AC", 3 },
	{ "EvConnectorType", "IEC_TYPE_4_DC", 4 },
	{ "EvConnectorType", "OTHER", 101 },
	{ "EvConnectorType", "TESLA_HPWC", 8 },
	{ "EvConnectorType", "TESLA_ROADSTER", 7 },
	{ "EvConnectorType", "TESLA_SUPERCHARGER", 9 },
	{ "EvConnectorType", "UNKNOWN", 0 },
	{ "EvRegenerativeBrakingState", "DISABLED", 1 },
	{ "EvRegenerativeBrakingState", "FULLY_ENABLED", 3 },
	{ "EvRegenerativeBrakingState", "PARTIALLY_ENABLED", 2 },
	{ "EvRegenerativeBrakingState", "UNKNOWN", 0 },
	{ "EvStoppingMode", "CREEP", 1 },
	{ "EvStoppingMode", "HOLD", 3 },
	{ "EvStoppingMode", "OTHER", 0 },
	{ "EvStoppingMode", "ROLL", 2 },
	{ "EvsServiceState", "OFF", 0 },
	{ "EvsServiceState", "ON", 1 },
	{ "EvsServiceType", "DRIVERVIEW", 5 },
	{ "EvsServiceType", "FRONTPASSENGERSVIEW", 6 },
	{ "EvsServiceType", "FRONTVIEW", 2 },
	{ "EvsServiceType", "LEFTVIEW", 3 },
	{ "EvsServiceType", "REARPASSENGERSVIEW", 7 },
	{ "EvsServiceType", "REARVIEW", 0 },
	{ "EvsServiceType", "RIGHTVIEW", 4 },
	{ "EvsServiceType", "SURROUNDVIEW", 1 },
	{ "EvsServiceType", "USER_DEFINED", 1000 },
	{ "ForwardCollisionWarningState", "NO_WARNING", 1 },
	{ "ForwardCollisionWarningState", "OTHER", 0 },
	{ "ForwardCollisionWarningState", "WARNING", 2 },
	{ "FuelType", "FUEL_TYPE_BIODIESEL", 5 },
	{ "FuelType", "FUEL_TYPE_CNG", 8 },
	{ "FuelType", "FUEL_TYPE_DIESEL_1", 3 },
	{ "FuelType", "FUEL_TYPE_DIESEL_2", 4 },
	{ "FuelType", "FUEL_TYPE_E85", 6 },
	{ "FuelType", "FUEL_TYPE_ELECTRIC", 10 },
	{ "FuelType", "FUEL_TYPE_HYDROGEN", 11 },
	{ "FuelType", "FUEL_TYPE_LEADED", 2 },
	{ "FuelType", "FUEL_TYPE_LNG", 9 },
	{ "FuelType", "FUEL_TYPE_LPG", 7 },
	{ "FuelType", "FUEL_TYPE_OTHER", 12 },
	{ "FuelType", "FUEL_TYPE_UNKNOWN", 0 },
	{ "FuelType", "FUEL_TYPE_UNLEADED", 1 },
	{ "GsrComplianceRequirementType", "GSR_COMPLIANCE_NOT_REQUIRED", 0 },
	{ "GsrComplianceRequirementType", "GSR_COMPLIANCE_REQUIRED_V1", 1 },
	{ "HandsOnDetectionDriverState", "HANDS_OFF", 2 },
	{ "HandsOnDetectionDriverState", "HANDS_ON", 1 },
	{ "HandsOnDetectionDriverState", "OTHER", 0 },
	{ "HandsOnDetectionWarning", "NO_WARNING", 1 },
	{ "HandsOnDetectionWarning", "OTHER", 0 },
	{ "HandsOnDetectionWarning", "WARNING", 2 },
	{ "ImpactSensorLocation", "FRONT", 2 },
	{ "ImpactSensorLocation", "FRONT_LEFT_DOOR_SIDE", 4 },
	{ "ImpactSensorLocation", "FRONT_RIGHT_DOOR_SIDE", 8 },
	{ "ImpactSensorLocation", "OTHER", 1 },
	{ "ImpactSensorLocation", "REAR", 64 },
	{ "ImpactSensorLocation", "REAR_LEFT_DOOR_SIDE", 16 },
	{ "ImpactSensorLocation", "REAR_RIGHT_DOOR_SIDE", 32 },
	{ "InitialUserInfoRequestType", "COLD_BOOT", 3 },
	{ "InitialUserInfoRequestType", "FIRST_BOOT", 1 },
	{ "InitialUserInfoRequestType", "FIRST_BOOT_AFTER_OTA", 2 },
	{ "InitialUserInfoRequestType", "RESUME", 4 },
	{ "InitialUserInfoRequestType", "UNKNOWN", 0 },
	{ "InitialUserInfoResponseAction", "CREATE", 2 },
	{ "InitialUserInfoResponseAction", "DEFAULT", 0 },
	{ "InitialUserInfoResponseAction", "SWITCH", 1 },
	{ "LaneCenteringAssistCommand", "ACTIVATE", 1 },
	{ "LaneCenteringAssistCommand", "DEACTIVATE", 2 },
	{ "LaneCenteringAssistState", "ACTIVATED", 3 },
	{ "LaneCenteringAssistState", "ACTIVATION_REQUESTED", 2 },
	{ "LaneCenteringAssistState", "ENABLED", 1 },
	{ "LaneCenteringAssistState", "FORCED_DEACTIVATION_WARNING", 5 },
	{ "LaneCenteringAssistState", "OTHER", 0 },
	{ "LaneCenteringAssistState", "USER_OVERRIDE", 4 },
	{ "LaneDepartureWarningState", "NO_WARNING", 1 },
	{ "LaneDepartureWarningState", "OTHER", 0 },
	{ "LaneDepartureWarningState", "WARNING_LEFT", 2 },
	{ "LaneDepartureWarningState", "WARNING_RIGHT", 3 },
	{ "LaneKeepAssistState", "ACTIVATED_STEER_LEFT", 2 },
	{ "LaneKeepAssistState", "ACTIVATED_STEER_RIGHT", 3 },
	{ "LaneKeepAssistState", "ENABLED", 1 },
	{ "LaneKeepAssistState", "OTHER", 0 },
	{ "LaneKeepAssistState", "USER_OVERRIDE", 4 },
	{ "LocationCharacterization", "ACCELEROMETER_FUSION", 4 },
	{ "LocationCharacterization", "CAR_SPEED_FUSION", 64 },
	{ "LocationCharacterization", "COMPASS_FUSION", 8 },
	{ "LocationCharacterization", "DEAD_RECKONED", 128 },
	{ "LocationCharacterization", "GYROSCOPE_FUSION", 2 },
	{ "LocationCharacterization", "PRIOR_LOCATIONS", 1 },
	{ "LocationCharacterization", "RAW_GNSS_ONLY", 256 },
	{ "LocationCharacterization", "STEERING_ANGLE_FUSION", 32 },
	{ "LocationCharacterization", "WHEEL_SPEED_FUSION", 16 },
	{ "LowSpeedAutomaticEmergencyBrakingState", "ACTIVATED", 2 },
	{ "LowSpeedAutomaticEmergencyBrakingState", "ENABLED", 1 },
	{ "LowSpeedAutomaticEmergencyBrakingState", "OTHER", 0 },
	{ "LowSpeedAutomaticEmergencyBrakingState", "USER_OVERRIDE", 3 },
	{ "LowSpeedCollisionWarningState", "NO_WARNING", 1 },
	{ "LowSpeedCollisionWarningState", "OTHER", 0 },
	{ "LowSpeedCollisionWarningState", "WARNING", 2 },
	{ "Obd2CommonIgnitionMonitors", "COMPONENTS_AVAILABLE", 1 },
	{ "Obd2CommonIgnitionMonitors", "COMPONENTS_INCOMPLETE", 2 },
	{ "Obd2CommonIgnitionMonitors", "FUEL_SYSTEM_AVAILABLE", 4 },
	{ "Obd2CommonIgnitionMonitors", "FUEL_SYSTEM_INCOMPLETE", 8 },
	{ "Obd2CommonIgnitionMonitors", "MISFIRE_AVAILABLE", 16 },
	{ "Obd2CommonIgnitionMonitors", "MISFIRE_INCOMPLETE", 32 },
	{ "Obd2FuelSystemStatus", "CLOSED_LOOP", 2 },
	{ "Obd2FuelSystemStatus", "CLOSED_LOOP_BUT_FEEDBACK_FAULT", 16 },
	{ "Obd2FuelSystemStatus", "OPEN_ENGINE_LOAD_OR_DECELERATION", 4 },
	{ "Obd2FuelSystemStatus", "OPEN_INSUFFICIENT_ENGINE_TEMPERATURE", 1 },
	{ "Obd2FuelSystemStatus", "OPEN_SYSTEM_FAILURE", 8 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_CNG", 13 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_DIESEL", 23 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_ELECTRIC", 15 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_ELECTRIC_AND_COMBUSTION", 16 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_ETHANOL", 11 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_GASOLINE", 9 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_LPG", 12 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_METHANOL", 10 },
	{ "Obd2FuelType", "BIFUEL_RUNNING_PROPANE", 14 },
	{ "Obd2FuelType", "CNG", 6 },
	{ "Obd2FuelType", "DIESEL", 4 },
	{ "Obd2FuelType", "ELECTRIC", 8 },
	{ "Obd2FuelType", "ETHANOL", 3 },
	{ "Obd2FuelType", "GASOLINE", 1 },
	{ "Obd2FuelType", "HYBRID_DIESEL", 19 },
	{ "Obd2FuelType", "HYBRID_ELECTRIC", 20 },
	{ "Obd2FuelType", "HYBRID_ETHANOL", 18 },
	{ "Obd2FuelType", "HYBRID_GASOLINE", 17 },
	{ "Obd2FuelType", "HYBRID_REGENERATIVE", 22 },
	{ "Obd2FuelType", "HYBRID_RUNNING_ELECTRIC_AND_COMBUSTION", 21 },
	{ "Obd2FuelType", "LPG", 5 },
	{ "Obd2FuelType", "METHANOL", 2 },
	{ "Obd2FuelType", "NOT_AVAILABLE", 0 },
	{ "Obd2FuelType", "PROPANE", 7 },
	{ "Obd2IgnitionMonitorKind", "COMPRESSION", 1 },
	{ "Obd2IgnitionMonitorKind", "SPARK", 0 },
	{ "Obd2SecondaryAirStatus", "DOWNSTREAM_OF_CATALYCIC_CONVERTER", 2 },
	{ "Obd2SecondaryAirStatus", "FROM_OUTSIDE_OR_OFF", 4 },
	{ "Obd2SecondaryAirStatus", "PUMP_ON_FOR_DIAGNOSTICS", 8 },
	{ "Obd2SecondaryAirStatus", "UPSTREAM", 1 },
	{ "PortLocationType", "FRONT", 5 },
	{ "PortLocationType", "FRONT_LEFT", 1 },
	{ "PortLocationType", "FRONT_RIGHT", 2 },
	{ "PortLocationType", "REAR", 6 },
	{ "PortLocationType", "REAR_LEFT", 4 },
	{ "PortLocationType", "REAR_RIGHT", 3 },
	{ "PortLocationType", "UNKNOWN", 0 },
	{ "ProcessTerminationReason", "IO_OVERUSE", 2 },
	{ "ProcessTerminationReason", "MEMORY_OVERUSE", 3 },
	{ "ProcessTerminationReason", "NOT_RESPONDING", 1 },
	{ "RotaryInputType", "ROTARY_INPUT_TYPE_AUDIO_VOLUME", 1 },
	{ "RotaryInputType", "ROTARY_INPUT_TYPE_SYSTEM_NAVIGATION", 0 },
	{ "SwitchUserMessageType", "ANDROID_POST_SWITCH", 5 },
	{ "SwitchUserMessageType", "ANDROID_SWITCH", 2 },
	{ "SwitchUserMessageType", "LEGACY_ANDROID_SWITCH", 1 },
	{ "SwitchUserMessageType", "UNKNOWN", 0 },
	{ "SwitchUserMessageType", "VEHICLE_REQUEST", 4 },
	{ "SwitchUserMessageType", "VEHICLE_RESPONSE", 3 },
	{ "SwitchUserStatus", "FAILURE", 2 },
	{ "SwitchUserStatus", "SUCCESS", 1 },
	{ "TestVendorProperty", "ECHO_REVERSE_BYTES", 0x21702A12 },
	{ "TestVendorProperty", "MIXED_TYPE_PROPERTY_FOR_TEST", 0x21E01111 },
	{ "TestVendorProperty", "PLACEHOLDER_PROPERTY_BOOLEAN", 0x21202A11 },
	{ "TestVendorProperty", "PLACEHOLDER_PROPERTY_FLOAT", 0x21602A11 },
	{ "TestVendorProperty", "PLACEHOLDER_PROPERTY_INT", 0x21402A11 },
	{ "TestVendorProperty", "PLACEHOLDER_PROPERTY_STRING", 0x21102A11 },
	{ "TestVendorProperty", "VENDOR_CLUSTER_DISPLAY_STATE", 0x21410F35 },
	{ "TestVendorProperty", "VENDOR_CLUSTER_NAVIGATION_STATE", 0x21700F38 },
	{ "TestVendorProperty", "VENDOR_CLUSTER_REPORT_STATE", 0x21E00F36 },
	{ "TestVendorProperty", "VENDOR_CLUSTER_REQUEST_DISPLAY", 0x21400F37 },
	{ "TestVendorProperty", "VENDOR_CLUSTER_SWITCH_UI", 0x21400F34 },
	{ "TestVendorProperty", "VENDOR_EXTENSION_BOOLEAN_PROPERTY", 0x26200101 },
	{ "TestVendorProperty", "VENDOR_EXTENSION_FLOAT_PROPERTY", 0x25600102 },
	{ "TestVendorProperty", "VENDOR_EXTENSION_INT_PROPERTY", 0x23400103 },
	{ "TestVendorProperty", "VENDOR_EXTENSION_STRING_PROPERTY", 0x21100103 },
	{ "TestVendorProperty", "VENDOR_PROPERTY_FOR_ERROR_CODE_TESTING", 0x21402A13 },
	{ "TrailerState", "ERROR", 3 },
	{ "TrailerState", "NOT_PRESENT", 1 },
	{ "TrailerState", "PRESENT", 2 },
	{ "TrailerState", "UNKNOWN", 0 },
	{ "UserIdentificationAssociationSetValue", "ASSOCIATE_CURRENT_USER", 1 },
	{ "UserIdentificationAssociationSetValue", "DISASSOCIATE_ALL_USERS", 3 },
	{ "UserIdentificationAssociationSetValue", "DISASSOCIATE_CURRENT_USER", 2 },
	{ "UserIdentificationAssociationSetValue", "INVALID", 0 },
	{ "UserIdentificationAssociationType", "CUSTOM_1", 101 },
	{ "UserIdentificationAssociationType", "CUSTOM_2", 102 },
	{ "UserIdentificationAssociationType", "CUSTOM_3", 103 },
	{ "UserIdentificationAssociationType", "CUSTOM_4", 104 },
	{ "UserIdentificationAssociationType", "INVALID", 0 },
	{ "UserIdentificationAssociationType", "KEY_FOB", 1 },
	{ "UserIdentificationAssociationValue", "ASSOCIATED_ANOTHER_USER", 3 },
	{ "UserIdentificationAssociationValue", "ASSOCIATED_CURRENT_USER", 2 },
	{ "UserIdentificationAssociationValue", "NOT_ASSOCIATED_ANY_USER", 4 },
	{ "UserIdentificationAssociationValue", "UNKNOWN", 1 },
	{ "VehicleAirbagLocation", "CURTAIN", 32 },
	{ "VehicleAirbagLocation", "FRONT", 2 },
	{ "VehicleAirbagLocation", "KNEE", 4 },
	{ "VehicleAirbagLocation", "LEFT_SIDE", 8 },
	{ "VehicleAirbagLocation", "OTHER", 1 },
	{ "VehicleAirbagLocation", "RIGHT_SIDE", 16 },
	{ "VehicleApPowerBootupReason", "SYSTEM_ENTER_GARAGE_MODE", 3 },
	{ "VehicleApPowerBootupReason", "SYSTEM_REMOTE_ACCESS", 2 },
	{ "VehicleApPowerBootupReason", "SYSTEM_USER_DETECTION", 1 },
	{ "VehicleApPowerBootupReason", "USER_POWER_ON", 0 },
	{ "VehicleApPowerStateConfigFlag", "CONFIG_SUPPORT_TIMER_POWER_ON_FLAG", 2 },
	{ "VehicleApPowerStateConfigFlag", "ENABLE_DEEP_SLEEP_FLAG", 1 },
	{ "VehicleApPowerStateConfigFlag", "ENABLE_HIBERNATION_FLAG", 4 },
	{ "VehicleApPowerStateReport", "DEEP_SLEEP_ENTRY", 2 },
	{ "VehicleApPowerStateReport", "DEEP_SLEEP_EXIT", 3 },
	{ "VehicleApPowerStateReport", "HIBERNATION_ENTRY", 9 },
	{ "VehicleApPowerStateReport", "HIBERNATION_EXIT", 10 },
	{ "VehicleApPowerStateReport", "ON", 6 },
	{ "VehicleApPowerStateReport", "SHUTDOWN_CANCELLED", 8 },
	{ "VehicleApPowerStateReport", "SHUTDOWN_POSTPONE", 4 },
	{ "VehicleApPowerStateReport", "SHUTDOWN_PREPARE", 7 },
	{ "VehicleApPowerStateReport", "SHUTDOWN_START", 5 },
	{ "VehicleApPowerStateReport", "WAIT_FOR_VHAL", 1 },
	{ "VehicleApPowerStateReq", "CANCEL_SHUTDOWN", 2 },
	{ "VehicleApPowerStateReq", "FINISHED", 3 },
	{ "VehicleApPowerStateReq", "ON", 0 },
	{ "VehicleApPowerStateReq", "SHUTDOWN_PREPARE", 1 },
	{ "VehicleApPowerStateShutdownParam", "CAN_HIBERNATE", 6 },
	{ "VehicleApPowerStateShutdownParam", "CAN_SLEEP", 2 },
	{ "VehicleApPowerStateShutdownParam", "EMERGENCY_SHUTDOWN", 7 },
	{ "VehicleApPowerStateShutdownParam", "HIBERNATE_IMMEDIATELY", 5 },
	{ "VehicleApPowerStateShutdownParam", "SHUTDOWN_IMMEDIATELY", 1 },
	{ "VehicleApPowerStateShutdownParam", "SHUTDOWN_ONLY", 3 },
	{ "VehicleApPowerStateShutdownParam", "SLEEP_IMMEDIATELY", 4 },
	{ "VehicleArea", "DOOR", 0x6000000 },
	{ "VehicleArea", "GLOBAL", 0x1000000 },
	{ "VehicleArea", "MIRROR", 0x4000000 },
	{ "VehicleArea", "SEAT", 0x5000000 },
	{ "VehicleArea", "VENDOR", 0x8000000 },
	{ "VehicleArea", "WHEEL", 0x7000000 },
	{ "VehicleArea", "WINDOW", 0x3000000 },
	{ "VehicleAreaDoor", "HOOD", 0x10000000 },
	{ "VehicleAreaDoor", "REAR", 0x20000000 },
	{ "VehicleAreaDoor", "ROW_1_LEFT", 1 },
	{ "VehicleAreaDoor", "ROW_1_RIGHT", 4 },
	{ "VehicleAreaDoor", "ROW_2_LEFT", 16 },
	{ "VehicleAreaDoor", "ROW_2_RIGHT", 64 },
	{ "VehicleAreaDoor", "ROW_3_LEFT", 256 },
	{ "VehicleAreaDoor", "ROW_3_RIGHT", 1024 },
	{ "VehicleAreaMirror", "DRIVER_CENTER", 4 },
	{ "VehicleAreaMirror", "DRIVER_LEFT", 1 },
	{ "VehicleAreaMirror", "DRIVER_RIGHT", 2 },
	{ "VehicleAreaSeat", "ROW_1_CENTER", 2 },
	{ "VehicleAreaSeat", "ROW_1_LEFT", 1 },
	{ "VehicleAreaSeat", "ROW_1_RIGHT", 4 },
	{ "VehicleAreaSeat", "ROW_2_CENTER", 32 },
	{ "VehicleAreaSeat", "ROW_2_LEFT", 16 },
	{ "VehicleAreaSeat", "ROW_2_RIGHT", 64 },
	{ "VehicleAreaSeat", "ROW_3_CENTER", 512 },
	{ "VehicleAreaSeat", "ROW_3_LEFT", 256 },
	{ "VehicleAreaSeat", "ROW_3_RIGHT", 1024 },
	{ "VehicleAreaSeat", "UNKNOWN", 0 },
	{ "VehicleAreaWheel", "LEFT_FRONT", 1 },
	{ "VehicleAreaWheel", "LEFT_REAR", 4 },
	{ "VehicleAreaWheel", "RIGHT_FRONT", 2 },
	{ "VehicleAreaWheel", "RIGHT_REAR", 8 },
	{ "VehicleAreaWheel", "UNKNOWN", 0 },
	{ "VehicleAreaWindow", "FRONT_WINDSHIELD", 1 },
	{ "VehicleAreaWindow", "REAR_WINDSHIELD", 2 },
	{ "VehicleAreaWindow", "ROOF_TOP_1", 0x10000 },
	{ "VehicleAreaWindow", "ROOF_TOP_2", 0x20000 },
	{ "VehicleAreaWindow", "ROW_1_LEFT", 16 },
	{ "VehicleAreaWindow", "ROW_1_RIGHT", 64 },
	{ "VehicleAreaWindow", "ROW_2_LEFT", 256 },
	{ "VehicleAreaWindow", "ROW_2_RIGHT", 1024 },
	{ "VehicleAreaWindow", "ROW_3_LEFT", 0x1000 },
	{ "VehicleAreaWindow", "ROW_3_RIGHT", 0x4000 },
	{ "VehicleAutonomousState", "LEVEL_0", 0 },
	{ "VehicleAutonomousState", "LEVEL_1", 1 },
	{ "VehicleAutonomousState", "LEVEL_2", 2 },
	{ "VehicleAutonomousState", "LEVEL_3", 3 },
	{ "VehicleAutonomousState", "LEVEL_4", 4 },
	{ "VehicleAutonomousState", "LEVEL_5", 5 },
	{ "VehicleDisplay", "AUXILIARY", 4 },
	{ "VehicleDisplay", "HUD", 2 },
	{ "VehicleDisplay", "INPUT", 3 },
	{ "VehicleDisplay", "INSTRUMENT_CLUSTER", 1 },
	{ "VehicleDisplay", "MAIN", 0 },
	{ "VehicleGear", "GEAR_1", 16 },
	{ "VehicleGear", "GEAR_2", 32 },
	{ "VehicleGear", "GEAR_3", 64 },
	{ "VehicleGear", "GEAR_4", 128 },
	{ "VehicleGear", "GEAR_5", 256 },
	{ "VehicleGear", "GEAR_6", 512 },
	{ "VehicleGear", "GEAR_7", 1024 },
	{ "VehicleGear", "GEAR_8", 2048 },
	{ "VehicleGear", "GEAR_9", 0x1000 },
	{ "VehicleGear", "GEAR_DRIVE", 8 },
	{ "VehicleGear", "GEAR_NEUTRAL", 1 },
	{ "VehicleGear", "GEAR_PARK", 4 },
	{ "VehicleGear", "GEAR_REVERSE", 2 },
	{ "VehicleGear", "GEAR_UNKNOWN", 0 },
	{ "VehicleHvacFanDirection", "DEFROST", 4 },
	{ "VehicleHvacFanDirection", "DEFROST_AND_FLOOR", 6 },
	{ "VehicleHvacFanDirection", "FACE", 1 },
	{ "VehicleHvacFanDirection", "FACE_AND_FLOOR", 3 },
	{ "VehicleHvacFanDirection", "FLOOR", 2 },
	{ "VehicleHvacFanDirection", "UNKNOWN", 0 },
	{ "VehicleHwKeyInputAction", "ACTION_DOWN", 0 },
	{ "VehicleHwKeyInputAction", "ACTION_UP", 1 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_BACK", 8 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_FORWARD", 16 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_PRIMARY", 1 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_SECONDARY", 2 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_STYLUS_PRIMARY", 32 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_STYLUS_SECONDARY", 64 },
	{ "VehicleHwMotionButtonStateFlag", "BUTTON_TERTIARY", 4 },
	{ "VehicleHwMotionInputAction", "ACTION_BUTTON_PRESS", 11 },
	{ "VehicleHwMotionInputAction", "ACTION_BUTTON_RELEASE", 12 },
	{ "VehicleHwMotionInputAction", "ACTION_CANCEL", 3 },
	{ "VehicleHwMotionInputAction", "ACTION_DOWN", 0 },
	{ "VehicleHwMotionInputAction", "ACTION_HOVER_ENTER", 9 },
	{ "VehicleHwMotionInputAction", "ACTION_HOVER_EXIT", 10 },
	{ "VehicleHwMotionInputAction", "ACTION_HOVER_MOVE", 7 },
	{ "VehicleHwMotionInputAction", "ACTION_MOVE", 2 },
	{ "VehicleHwMotionInputAction", "ACTION_OUTSIDE", 4 },
	{ "VehicleHwMotionInputAction", "ACTION_POINTER_DOWN", 5 },
	{ "VehicleHwMotionInputAction", "ACTION_POINTER_UP", 6 },
	{ "VehicleHwMotionInputAction", "ACTION_SCROLL", 8 },
	{ "VehicleHwMotionInputAction", "ACTION_UP", 1 },
	{ "VehicleHwMotionInputSource", "SOURCE_BLUETOOTH_STYLUS", 7 },
	{ "VehicleHwMotionInputSource", "SOURCE_DPAD", 2 },
	{ "VehicleHwMotionInputSource", "SOURCE_GAMEPAD", 3 },
	{ "VehicleHwMotionInputSource", "SOURCE_HDMI", 14 },
	{ "VehicleHwMotionInputSource", "SOURCE_JOYSTICK", 13 },
	{ "VehicleHwMotionInputSource", "SOURCE_KEYBOARD", 1 },
	{ "VehicleHwMotionInputSource", "SOURCE_MOUSE", 5 },
	{ "VehicleHwMotionInputSource", "SOURCE_MOUSE_RELATIVE", 9 },
	{ "VehicleHwMotionInputSource", "SOURCE_ROTARY_ENCODER", 12 },
	{ "VehicleHwMotionInputSource", "SOURCE_SENSOR", 15 },
	{ "VehicleHwMotionInputSource", "SOURCE_STYLUS", 6 },
	{ "VehicleHwMotionInputSource", "SOURCE_TOUCHPAD", 10 },
	{ "VehicleHwMotionInputSource", "SOURCE_TOUCHSCREEN", 4 },
	{ "VehicleHwMotionInputSource", "SOURCE_TOUCH_NAVIGATION", 11 },
	{ "VehicleHwMotionInputSource", "SOURCE_TRACKBALL", 8 },
	{ "VehicleHwMotionInputSource", "SOURCE_UNKNOWN", 0 },
	{ "VehicleHwMotionToolType", "TOOL_TYPE_ERASER", 4 },
	{ "VehicleHwMotionToolType", "TOOL_TYPE_FINGER", 1 },
	{ "VehicleHwMotionToolType", "TOOL_TYPE_MOUSE", 3 },
	{ "VehicleHwMotionToolType", "TOOL_TYPE_STYLUS", 2 },
	{ "VehicleHwMotionToolType", "TOOL_TYPE_UNKNOWN", 0 },
	{ "VehicleIgnitionState", "ACC", 3 },
	{ "VehicleIgnitionState", "LOCK", 1 },
	{ "VehicleIgnitionState", "OFF", 2 },
	{ "VehicleIgnitionState", "ON", 4 },
	{ "VehicleIgnitionState", "START", 5 },
	{ "VehicleIgnitionState", "UNDEFINED", 0 },
	{ "VehicleLightState", "DAYTIME_RUNNING", 2 },
	{ "VehicleLightState", "OFF", 0 },
	{ "VehicleLightState", "ON", 1 },
	{ "VehicleLightSwitch", "AUTOMATIC", 256 },
	{ "VehicleLightSwitch", "DAYTIME_RUNNING", 2 },
	{ "VehicleLightSwitch", "OFF", 0 },
	{ "VehicleLightSwitch", "ON", 1 },
	{ "VehicleOilLevel", "CRITICALLY_LOW", 0 },
	{ "VehicleOilLevel", "ERROR", 4 },
	{ "VehicleOilLevel", "HIGH", 3 },
	{ "VehicleOilLevel", "LOW", 1 },
	{ "VehicleOilLevel", "NORMAL", 2 },
	{ "VehiclePropertyAccess", "NONE", 0 },
	{ "VehiclePropertyAccess", "READ", 1 },
	{ "VehiclePropertyAccess", "READ_WRITE", 3 },
	{ "VehiclePropertyAccess", "WRITE", 2 },
	{ "VehiclePropertyChangeMode", "CONTINUOUS", 2 },
	{ "VehiclePropertyChangeMode", "ON_CHANGE", 1 },
	{ "VehiclePropertyChangeMode", "STATIC", 0 },
	{ "VehiclePropertyGroup", "BACKPORTED", 0x30000000 },
	{ "VehiclePropertyGroup", "SYSTEM", 0x10000000 },
	{ "VehiclePropertyGroup", "VENDOR", 0x20000000 },
	{ "VehiclePropertyStatus", "AVAILABLE", 0 },
	{ "VehiclePropertyStatus", "ERROR", 2 },
	{ "VehiclePropertyStatus", "UNAVAILABLE", 1 },
	{ "VehiclePropertyType", "BOOLEAN", 0x200000 },
	{ "VehiclePropertyType", "BYTES", 0x700000 },
	{ "VehiclePropertyType", "FLOAT", 0x600000 },
	{ "VehiclePropertyType", "FLOAT_VEC", 0x610000 },
	{ "VehiclePropertyType", "INT32", 0x400000 },
	{ "VehiclePropertyType", "INT32_VEC", 0x410000 },
	{ "VehiclePropertyType", "INT64", 0x500000 },
	{ "VehiclePropertyType", "INT64_VEC", 0x510000 },
	{ "VehiclePropertyType", "MIXED", 0xE00000 },
	{ "VehiclePropertyType", "STRING", 0x100000 },
	{ "VehicleSeatOccupancyState", "OCCUPIED", 2 },
	{ "VehicleSeatOccupancyState", "UNKNOWN", 0 },
	{ "VehicleSeatOccupancyState", "VACANT", 1 },
	{ "VehicleTurnSignal", "LEFT", 2 },
	{ "VehicleTurnSignal", "NONE", 0 },
	{ "VehicleTurnSignal", "RIGHT", 1 },
	{ "VehicleUnit", "AMPERE", 102 },
	{ "VehicleUnit", "AMPERE_HOURS", 100 },
	{ "VehicleUnit", "BAR", 114 },
	{ "VehicleUnit", "CELSIUS", 48 },
	{ "VehicleUnit", "DEGREES", 128 },
	{ "VehicleUnit", "FAHRENHEIT", 49 },
	{ "VehicleUnit", "GALLON", 66 },
	{ "VehicleUnit", "HERTZ", 3 },
	{ "VehicleUnit", "IMPERIAL_GALLON", 67 },
	{ "VehicleUnit", "KELVIN", 50 },
	{ "VehicleUnit", "KILOMETER", 35 },
	{ "VehicleUnit", "KILOMETERS_PER_HOUR", 145 },
	{ "VehicleUnit", "KILOPASCAL", 112 },
	{ "VehicleUnit", "KILOWATT_HOUR", 101 },
	{ "VehicleUnit", "LITER", 65 },
	{ "VehicleUnit", "METER", 33 },
	{ "VehicleUnit", "METER_PER_SEC", 1 },
	{ "VehicleUnit", "MILE", 36 },
	{ "VehicleUnit", "MILES_PER_HOUR", 144 },
	{ "VehicleUnit", "MILLIAMPERE", 97 },
	{ "VehicleUnit", "MILLILITER", 64 },
	{ "VehicleUnit", "MILLIMETER", 32 },
	{ "VehicleUnit", "MILLIVOLT", 98 },
	{ "VehicleUnit", "MILLIWATTS", 99 },
	{ "VehicleUnit", "MILLI_SECS", 81 },
	{ "VehicleUnit", "NANO_SECS", 80 },
	{ "VehicleUnit", "PERCENTILE", 16 },
	{ "VehicleUnit", "PSI", 113 },
	{ "VehicleUnit", "RPM", 2 },
	{ "VehicleUnit", "SECS", 83 },
	{ "VehicleUnit", "SHOULD_NOT_USE", 0 },
	{ "VehicleUnit", "US_GALLON", 66 },
	{ "VehicleUnit", "WATT_HOUR", 96 },
	{ "VehicleUnit", "YEAR", 89 },
	{ "VehicleVendorPermission", "PERMISSION_DEFAULT", 0 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_1", 0x11000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_10", 0xA1000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_2", 0x21000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_3", 0x31000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_4", 0x41000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_5", 0x51000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_6", 0x61000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_7", 0x71000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_8", 0x81000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_9", 0x91000 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_DOOR", 4 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_ENGINE", 12 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_HVAC", 14 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_INFO", 10 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_LIGHT", 16 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_MIRROR", 8 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_SEAT", 6 },
	{ "VehicleVendorPermission", "PERMISSION_GET_VENDOR_CATEGORY_WINDOW", 2 },
	{ "VehicleVendorPermission", "PERMISSION_NOT_ACCESSIBLE", -0x10000000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_1", 0x10000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_10", 0xA0000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_2", 0x20000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_3", 0x30000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_4", 0x40000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_5", 0x50000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_6", 0x60000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_7", 0x70000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_8", 0x80000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_9", 0x90000 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_DOOR", 3 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_ENGINE", 11 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_HVAC", 13 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_INFO", 9 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_LIGHT", 15 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_MIRROR", 7 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_SEAT", 5 },
	{ "VehicleVendorPermission", "PERMISSION_SET_VENDOR_CATEGORY_WINDOW", 1 },
	{ "VmsMessageType", "AVAILABILITY_CHANGE", 9 },
	{ "VmsMessageType", "AVAILABILITY_REQUEST", 6 },
	{ "VmsMessageType", "AVAILABILITY_RESPONSE", 8 },
	{ "VmsMessageType", "DATA", 12 },
	{ "VmsMessageType", "OFFERING", 5 },
	{ "VmsMessageType", "PUBLISHER_ID_REQUEST", 13 },
	{ "VmsMessageType", "PUBLISHER_ID_RESPONSE", 14 },
	{ "VmsMessageType", "PUBLISHER_INFORMATION_REQUEST", 15 },
	{ "VmsMessageType", "PUBLISHER_INFORMATION_RESPONSE", 16 },
	{ "VmsMessageType", "START_SESSION", 17 },
	{ "VmsMessageType", "SUBSCRIBE", 1 },
	{ "VmsMessageType", "SUBSCRIBE_TO_PUBLISHER", 2 },
	{ "VmsMessageType", "SUBSCRIPTIONS_CHANGE", 11 },
	{ "VmsMessageType", "SUBSCRIPTIONS_REQUEST", 7 },
	{ "VmsMessageType", "SUBSCRIPTIONS_RESPONSE", 10 },
	{ "VmsMessageType", "UNSUBSCRIBE", 3 },
	{ "VmsMessageType", "UNSUBSCRIBE_TO_PUBLISHER", 4 },
	{ "WindshieldWipersState", "OFF", 1 },
	{ "WindshieldWipersState", "ON", 2 },
	{ "WindshieldWipersState", "OTHER", 0 },
	{ "WindshieldWipersState", "SERVICE", 3 },
	{ "WindshieldWipersSwitch", "AUTO", 13 },
	{ "WindshieldWipersSwitch", "CONTINUOUS_LEVEL_1", 8 },
	{ "WindshieldWipersSwitch", "CONTINUOUS_LEVEL_2", 9 },
	{ "WindshieldWipersSwitch", "CONTINUOUS_LEVEL_3", 10 },
	{ "WindshieldWipersSwitch", "CONTINUOUS_LEVEL_4", 11 },
	{ "WindshieldWipersSwitch", "CONTINUOUS_LEVEL_5", 12 },
	{ "WindshieldWipersSwitch", "INTERMITTENT_LEVEL_1", 3 },
	{ "WindshieldWipersSwitch", "INTERMITTENT_LEVEL_2", 4 },
	{ "WindshieldWipersSwitch", "INTERMITTENT_LEVEL_3", 5 },
	{ "WindshieldWipersSwitch", "INTERMITTENT_LEVEL_4", 6 },
	{ "WindshieldWipersSwitch", "INTERMITTENT_LEVEL_5", 7 },
	{ "WindshieldWipersSwitch", "MIST", 2 },
	{ "WindshieldWipersSwitch", "OFF", 1 },
	{ "WindshieldWipersSwitch", "OTHER", 0 },
	{ "WindshieldWipersSwitch", "SERVICE", 14 },
};
/* clang-format on */

const struct vhal_consts vhal_builtin = {
	.v = rows,
	.n = sizeof(rows) / sizeof(rows[0]),
};

int vhal_const_cmp(const struct vhal_const *a, const struct vhal_const *b)
{
	int c = strcmp(a->type, b->type);

	return c ? c : strcmp(a->name, b->name);
}

/* @s against the @len bytes at @word, which hold no NUL. */
static int word_cmp(const char *s, const char *word, size_t len)
{
	int c = strncmp(s, word, len);

	return c ? c : s[len] != '\0';
}

struct vhal_consts vhal_consts_type(struct vhal_consts c, const char *type,
				    size_t len)
{
	size_t lo = 0, hi = c.n, first;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (word_cmp(c.v[mid].type, type, len) < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	first = lo;
	hi = c.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (word_cmp(c.v[mid].type, type, len) <= 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return (struct vhal_consts){ .v = c.v ? c.v + first : NULL,
				     .n = lo - first };
}

const struct vhal_const *vhal_consts_find(struct vhal_consts type,
					  const char *name, size_t len)
{
	size_t lo = 0, hi = type.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = word_cmp(type.v[mid].name, name, len);

		if (c == 0) {
			return &type.v[mid];
		}
		if (c < 0) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return NULL;
}

/* A type has a few dozen values: no second order for this way round. */
const struct vhal_const *vhal_consts_label(struct vhal_consts type, int64_t x)
{
	for (size_t i = 0; i < type.n; i++) {
		if (type.v[i].value == x) {
			return &type.v[i];
		}
	}
	return NULL;
}

struct vhal_consts vhal_area_consts(int32_t prop)
{
	const char *type;

	switch (prop & VHAL_AREA_MASK) {
	case 0x03000000:
		type = "VehicleAreaWindow";
		break;
	case 0x04000000:
		type = "VehicleAreaMirror";
		break;
	case 0x05000000:
		type = "VehicleAreaSeat";
		break;
	case 0x06000000:
		type = "VehicleAreaDoor";
		break;
	case 0x07000000:
		type = "VehicleAreaWheel";
		break;
	default:
		return (struct vhal_consts){ 0 };
	}
	return vhal_consts_type(vhal_builtin, type, strlen(type));
}

/* ---- by name ---- */

#define PROPERTY_TYPE "VehicleProperty"

static const char *type_at(const void *ctx, size_t i)
{
	const struct vhal_consts *c = ctx;

	if (i == c->n) {
		return PROPERTY_TYPE;
	}
	return i > 0 && !strcmp(c->v[i].type, c->v[i - 1].type) ? NULL
								: c->v[i].type;
}

static const char *name_at(const void *ctx, size_t i)
{
	const struct vhal_consts *c = ctx;

	return c->v[i].name;
}

static const char *prop_at(const void *ctx, size_t i)
{
	(void)ctx;
	return vhal_prop_row(i)->name;
}

static size_t n_prop_rows(void)
{
	size_t n = 0;

	while (vhal_prop_row(n)) {
		n++;
	}
	return n;
}

static int resolve_property(const char *name, int64_t *out, char *why)
{
	const struct vhal_prop_info *p = vhal_prop_by_name(name);
	char hint[96];

	if (p) {
		*out = p->id;
		return 0;
	}
	if (why) {
		av_suggest_text(hint,
				av_suggest(name, n_prop_rows(), prop_at, NULL));
		snprintf(why, VHAL_WHY_MAX, "unknown property '%.100s'%s", name,
			 hint);
	}
	return -ENOENT;
}

static int unknown_type(const char *type, size_t len, char *why)
{
	char word[128], hint[96];

	if (why) {
		memcpy(word, type, len);
		word[len] = '\0';
		av_suggest_text(hint, av_suggest(word, vhal_builtin.n + 1,
						 type_at, &vhal_builtin));
		snprintf(why, VHAL_WHY_MAX, "unknown type '%.100s'%s", word,
			 hint);
	}
	return -ENOENT;
}

int vhal_const_resolve(struct vhal_consts extra, const char *text, size_t len,
		       int64_t *out, char *why)
{
	const char *sep = memmem(text, len, "::", 2);
	size_t tn = sep ? (size_t)(sep - text) : 0, nn = len - tn - 2;
	const struct vhal_const *c;
	struct vhal_consts type;
	char word[128], hint[96];

	if (!sep || tn >= sizeof(word) || nn >= sizeof(word)) {
		if (why) {
			snprintf(why, VHAL_WHY_MAX,
				 "'%.*s' is not a constant "
				 "like VehicleGear::GEAR_PARK",
				 len < 100 ? (int)len : 100, text);
		}
		return -ENOENT;
	}
	memcpy(word, sep + 2, nn);
	word[nn] = '\0';
	if (tn == strlen(PROPERTY_TYPE) && !memcmp(text, PROPERTY_TYPE, tn)) {
		return resolve_property(word, out, why);
	}
	type = vhal_consts_type(vhal_builtin, text, tn);
	if (type.n == 0) {
		type = vhal_consts_type(extra, text, tn);
	}
	if (type.n == 0) {
		return unknown_type(text, tn, why);
	}
	c = vhal_consts_find(type, word, nn);
	if (!c) {
		if (why) {
			av_suggest_text(
				hint, av_suggest(word, type.n, name_at, &type));
			snprintf(why, VHAL_WHY_MAX, "%.60s has no '%.100s'%s",
				 type.v->type, word, hint);
		}
		return -ENOENT;
	}
	*out = c->value;
	return 0;
}

/* The values of the next word of @enum_name, which moves on. */
static struct vhal_consts next_type(struct vhal_consts extra,
				    const char **enum_name)
{
	struct vhal_consts type;
	const char *word = *enum_name + strspn(*enum_name, " ");
	size_t n = strcspn(word, " ");

	type = vhal_consts_type(vhal_builtin, word, n);
	if (type.n == 0) {
		type = vhal_consts_type(extra, word, n);
	}
	*enum_name = word + n;
	return type;
}

int vhal_enum_find(struct vhal_consts extra, const char *enum_name,
		   const char *name, size_t len, int64_t *out)
{
	if (memmem(name, len, "::", 2)) {
		return vhal_const_resolve(extra, name, len, out, NULL);
	}
	while (enum_name && *enum_name) {
		struct vhal_consts type = next_type(extra, &enum_name);
		const struct vhal_const *c = vhal_consts_find(type, name, len);

		if (c) {
			*out = c->value;
			return 0;
		}
	}
	return -ENOENT;
}

int vhal_enum_value(const char *enum_name, const char *name, int64_t *out)
{
	return vhal_enum_find((struct vhal_consts){ 0 }, enum_name, name,
			      strlen(name), out);
}

const char *vhal_enum_label_in(struct vhal_consts extra, const char *enum_name,
			       int64_t v)
{
	while (enum_name && *enum_name) {
		const struct vhal_const *c =
			vhal_consts_label(next_type(extra, &enum_name), v);

		if (c) {
			return c->name;
		}
	}
	return NULL;
}

const char *vhal_enum_label(const char *enum_name, int64_t v)
{
	return vhal_enum_label_in((struct vhal_consts){ 0 }, enum_name, v);
}

const char *vhal_enum_suggest(const char *enum_name, const char *name)
{
	while (enum_name && *enum_name) {
		struct vhal_consts type =
			next_type((struct vhal_consts){ 0 }, &enum_name);
		const char *near = av_suggest(name, type.n, name_at, &type);

		if (near) {
			return near;
		}
	}
	return NULL;
}
