using IommuKit.Specs.RiscV;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.RiscV;

public class Sv39Rules : PageTableFormatRules<RiscVFormat<Sv39>>;

public class Sv48Rules : PageTableFormatRules<RiscVFormat<Sv48>>;

public class Sv57Rules : PageTableFormatRules<RiscVFormat<Sv57>>;

public class Sv39x4Rules : PageTableFormatRules<RiscVFormat<Sv39x4>>;

public class Sv48x4Rules : PageTableFormatRules<RiscVFormat<Sv48x4>>;

public class Sv57x4Rules : PageTableFormatRules<RiscVFormat<Sv57x4>>;
