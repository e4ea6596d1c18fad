using IommuKit.Specs.Tegra;
using IommuKit.Specs.Tests.PageTables;

namespace IommuKit.Specs.Tests.Tegra;

public class TegraFormatRules : PageTableFormatRules<TegraFormat>;
