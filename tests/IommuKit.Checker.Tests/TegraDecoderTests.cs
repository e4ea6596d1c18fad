using IommuKit.Checker.Iommus.Tegra;
using IommuKit.Checker.Shadow;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;

namespace IommuKit.Checker.Tests;

/// <summary>Register writes of a Tegra SMMU, as numbers of the manuals.</summary>
public class TegraDecoderTests
{
    private const ulong Nothing = ulong.MaxValue;

    [Theory]
    [InlineData("tegra30", 0u, 0ul, ulong.MaxValue)]
    [InlineData("tegra30", 0x8000_0011u, 0x8000_0010ul, 0x8000_001ful)]
    [InlineData("tegra114", 0x8000_0031u, 0x8000_0020ul, 0x8000_003ful)]
    [InlineData("tegra124", 0xffff_ffe1u, 0xffff_ffe0ul, 0xffff_fffful)]
    [InlineData("tegra210", 0x8000_0071u, 0x8000_0040ul, 0x8000_007ful)]
    public void A_flush_of_the_table_cache_drops_a_line_or_all(string soc, uint value, ulong first, ulong last) =>
        Decode(soc, (0x034, value)).ShouldBe(new ShadowCommand(ShadowCommandKind.DropTableCache, -1, first, last));

    [Theory]
    [InlineData(0u, 0x8000_0000ul)]
    [InlineData(1u, 0x1_8000_0000ul)]
    [InlineData(2u, 0x2_8000_0000ul)]
    [InlineData(3u, 0x3_8000_0000ul)]
    [InlineData(4u, 0x8000_0000ul)]
    public void The_upper_half_of_its_address_has_two_bits(uint high, ulong first) =>
        Decode("tegra124", (0x9b8, high), (0x034, 0x8000_0001u))
            .ShouldBe(new ShadowCommand(ShadowCommandKind.DropTableCache, -1, first, first + 31));

    [Theory]
    [InlineData(0u, -1, 0ul, 0xffff_fffful)]
    [InlineData(0x8500_0000u, 5, 0ul, 0xffff_fffful)]
    [InlineData(0x0500_0000u, -1, 0ul, 0xffff_fffful)]
    [InlineData(0xff00_0402u, 127, 0x40_0000ul, 0x7f_fffful)]
    [InlineData(0x8700_0407u, 7, 0x40_4000ul, 0x40_7ffful)]
    [InlineData(0x000f_ffffu, -1, 0xffff_c000ul, 0xffff_fffful)]
    public void A_flush_of_the_TLB_drops_a_group_a_section_or_all(uint value, int space, ulong first, ulong last) =>
        Decode("tegra124", (0x030, value)).ShouldBe(new ShadowCommand(ShadowCommandKind.DropTranslations, space, first, last));

    [Fact]
    public void A_flush_of_the_TLB_without_a_defined_match_drops_nothing() => Decode("tegra124", (0x030, 0x8500_0001u)).ShouldBe(default);

    [Theory]
    [InlineData("tegra124", 0x85u, 0xe000_1234u, 5, 0x123_4000ul)]
    [InlineData("tegra30", 5u, 0x2000_1234u, 1, 0x123_4000ul)]
    [InlineData("tegra124", 0x7fu, 0x8000_1234u, 127, 0x123_4000ul)]
    [InlineData("tegra124", 1u, 0x0000_1234u, 1, Nothing)]
    public void A_root_is_that_of_the_space_selected_if_it_has_rights(string soc, uint asid, uint root, int space, ulong address) =>
        Decode(soc, (0x01c, asid), (0x020, root)).ShouldBe(new ShadowCommand(ShadowCommandKind.SetRoot, space, address, 0));

    [Theory]
    [InlineData(0x8000_0000u, 0ul)]
    [InlineData(0x8000_0005u, 5ul)]
    [InlineData(0x8000_0085u, 5ul)]
    [InlineData(0x0000_0005u, Nothing)]
    public void A_route_is_on_or_off(uint value, ulong space)
    {
        var swgroups = Cases.Soc("tegra124").Swgroups;
        Decode("tegra124", (swgroups[1].AsidRegister, value)).ShouldBe(new ShadowCommand(ShadowCommandKind.SetRoute, 1, space, 0));
        Decode("tegra124", (swgroups[2].AsidRegister, value)).ShouldBe(default);
    }

    [Fact]
    public void A_read_is_answered_when_everything_before_has_taken_effect()
    {
        var commands = new ShadowCommands();
        new TegraDecoder(Cases.Soc("tegra124"), 0x4000, []).Decode(new MaintenanceStep(MaintenanceKind.RegisterRead, 0x01c, 0, default), commands);
        commands.All.ToArray().ShouldBe([new ShadowCommand(ShadowCommandKind.Complete, -1, 0, 0)]);
    }

    [Fact]
    public void A_command_covers_both_of_its_ends()
    {
        var command = new ShadowCommand(ShadowCommandKind.DropTranslations, 1, 10, 20);
        Enumerable.Range(9, 13).Where(address => command.Covers((ulong)address)).ShouldBe(Enumerable.Range(10, 11));
        (command.Concerns(0), command.Concerns(1), (command with { Subject = -1 }).Concerns(0)).ShouldBe((false, true, true));
    }

    private static ShadowCommand Decode(string soc, params (uint Register, uint Value)[] writes)
    {
        var decoder = new TegraDecoder(Cases.Soc(soc), 0x4000, [.. Cases.Soc(soc).Swgroups.Take(2)]);
        var commands = new ShadowCommands();
        foreach (var (register, value) in writes)
        {
            commands.Clear();
            decoder.Decode(new MaintenanceStep(MaintenanceKind.RegisterWrite, register, value, default), commands);
            commands.All.Length.ShouldBeLessThanOrEqualTo(1);
        }

        return commands.All.Length == 0 ? default : commands.All[0];
    }
}
