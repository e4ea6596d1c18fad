using IommuKit.Specs.Arm;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.Arm;

public class ArmLpae4KStage1Rules : PageTableFormatRules<ArmLpae<ArmGranule4K, ArmStage1>>;

public class ArmLpae4KStage2Rules : PageTableFormatRules<ArmLpae<ArmGranule4K, ArmStage2>>;

public class ArmLpae16KStage1Rules : PageTableFormatRules<ArmLpae<ArmGranule16K, ArmStage1>>;

public class ArmLpae16KStage2Rules : PageTableFormatRules<ArmLpae<ArmGranule16K, ArmStage2>>;

public class ArmLpae64KStage1Rules : PageTableFormatRules<ArmLpae<ArmGranule64K, ArmStage1>>;

public class ArmLpae64KStage2Rules : PageTableFormatRules<ArmLpae<ArmGranule64K, ArmStage2>>;
