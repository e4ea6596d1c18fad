using IommuKit.Specs.Mmio;
using IommuKit.Specs.Tegra;

namespace IommuKit.Specs.Tests.Tegra;

public class TegraSocTests
{
    [Theory]
    [InlineData("tegra30", 4, 16, 16, 32, 0x7fu, 0x1fu, 0x540u)]
    [InlineData("tegra114", 4, 32, 32, 32, 0x7fu, 0x3fu, 0x540u)]
    [InlineData("tegra124", 128, 32, 32, 34, 0x7fu, 0x3fu, 0x13d40u)]
    [InlineData("tegra210", 128, 48, 64, 34, 0xffu, 0x3fu, 0x13d40u)]
    public void Parameters_are_those_of_the_fact_sheet(
        string name, int asids, int tlbLines, int atom, int physicalBits, uint clientMask, uint tlbMask, uint interrupts)
    {
        var soc = TegraSoc.All.Single(soc => soc.Name == name);

        soc.AsidCount.ShouldBe(asids);
        soc.TlbLines.ShouldBe(tlbLines);
        soc.AtomBytes.ShouldBe(atom);
        soc.PhysicalBits.ShouldBe(physicalBits);
        soc.ClientIdMask.ShouldBe(clientMask);
        soc.TlbLinesMask.ShouldBe(tlbMask);
        soc.InterruptMask.ShouldBe(interrupts);
        soc.HasPtcFlushHigh.ShouldBe(physicalBits == 34);
    }

    [Theory]
    [InlineData("tegra30", 66, 16)]
    [InlineData("tegra114", 65, 16)]
    [InlineData("tegra124", 67, 23)]
    [InlineData("tegra210", 73, 39)]
    public void Clients_and_swgroups_are_complete(string name, int clients, int swgroups)
    {
        var soc = TegraSoc.All.Single(soc => soc.Name == name);

        soc.Clients.Count.ShouldBe(clients);
        soc.Swgroups.Count.ShouldBe(swgroups);
        soc.Clients.Select(client => client.Id).Distinct().Count().ShouldBe(clients);
        soc.Swgroups.Select(group => group.AsidRegister).Distinct().Count().ShouldBe(swgroups);
    }

    [Fact]
    public void A_client_finds_its_enable_bit()
    {
        var afiw = TegraSoc.Tegra210.FindClient(0x31)!;
        afiw.EnableRegister.ShouldBe(0x22cu);
        afiw.EnableMask.ShouldBe(1u << 17);

        var gpu = TegraSoc.Tegra210.FindClient(0x88)!;
        gpu.EnableRegister.ShouldBe(0xb98u);
        gpu.Enable.ShouldBe(TegraClientEnable.ReadOnly);

        TegraSoc.Tegra210.FindClient(0)!.EnableRegister.ShouldBeNull();
    }

    [Fact]
    public void Clients_agree_with_the_reference_table()
    {
        foreach (string[] row in ReadCsv("tegra-clients.csv"))
        {
            var soc = TegraSoc.All.Single(soc => soc.Name == row[0]);
            var client = soc.FindClient(Convert.ToInt32(row[1], 16)).ShouldNotBeNull();
            client.Name.ShouldBe(row[2]);
            client.Swgroup.ShouldBe(row[3]);
            client.EnableRegister.ShouldBe(row[4].Length == 0 ? null : Convert.ToUInt32(row[4], 16));
            if (row[5].Length != 0)
            {
                client.EnableMask.ShouldBe(1u << int.Parse(row[5]));
            }

            client.Enable.ShouldBe(row[6] switch
            {
                "rw" => TegraClientEnable.ReadWrite,
                "ro" => TegraClientEnable.ReadOnly,
                _ => TegraClientEnable.None,
            });
        }
    }

    [Fact]
    public void Swgroups_agree_with_the_reference_table()
    {
        foreach (string[] row in ReadCsv("tegra-swgroups.csv"))
        {
            var soc = TegraSoc.All.Single(soc => soc.Name == row[0]);
            var group = soc.FindSwgroup(row[1]).ShouldNotBeNull();
            group.Id.ShouldBe(int.Parse(row[2]));
            group.AsidRegister.ShouldBe(Convert.ToUInt32(row[3], 16));
            group.IommuGroup.ShouldBe(row[4].Length == 0 ? null : row[4]);
            soc.Clients.Count(client => client.Swgroup == group.Name).ShouldBe(int.Parse(row[5]));
        }
    }

    [Theory]
    [InlineData(0x034u, false, RegisterPurpose.TableCacheInvalidation)]
    [InlineData(0x9b8u, false, RegisterPurpose.TableCacheInvalidation)]
    [InlineData(0x030u, false, RegisterPurpose.TlbInvalidation)]
    [InlineData(0x01cu, true, RegisterPurpose.Completion)]
    [InlineData(0x01cu, false, RegisterPurpose.TranslationRoot)]
    [InlineData(0x020u, false, RegisterPurpose.TranslationRoot)]
    [InlineData(0x000u, true, RegisterPurpose.Fault)]
    [InlineData(0x9b4u, true, RegisterPurpose.Fault)]
    [InlineData(0x238u, false, RegisterPurpose.DeviceBinding)]
    [InlineData(0xae0u, false, RegisterPurpose.DeviceBinding)]
    [InlineData(0xb98u, false, RegisterPurpose.DeviceBinding)]
    [InlineData(0x1f0u, true, RegisterPurpose.Statistics)]
    [InlineData(0x010u, false, RegisterPurpose.Configuration)]
    public void Registers_have_a_purpose(uint offset, bool isRead, RegisterPurpose purpose) =>
        TegraMc.PurposeOf(offset, isRead).ShouldBe(purpose);

    private static IEnumerable<string[]> ReadCsv(string name) =>
        File.ReadLines(RepositoryFiles.InRepository("tests", "Support", "Data", name)).Skip(1).Select(line => line.Split(','));
}
