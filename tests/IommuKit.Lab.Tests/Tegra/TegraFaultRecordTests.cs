using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>What a fault says: whose it was and where, with the bits that the part has.</summary>
public class TegraFaultRecordTests
{
    // A client without translation may use any address; the 32-bit parts have no bits for what is above 4 GiB.
    [Theory]
    [InlineData("tegra30", 0x0000_1000ul)]
    [InlineData("tegra114", 0x0000_1000ul)]
    [InlineData("tegra124", 0x3_0000_1000ul)]
    [InlineData("tegra210", 0x3_0000_1000ul)]
    public void Bits_above_4_GiB_are_told_by_the_parts_that_have_them(string soc, ulong expected)
    {
        var part = TegraSoc.All.Single(candidate => candidate.Name == soc);
        var status = TegraFaultStatus.Create(part, TegraFaultType.DecodeError, 0, 0x3_0000_1000, isSecure: false, isWrite: false, client: 1);
        status.AddressOn(part, 0x1000).ShouldBe(expected);
        status.AddressHigh.ShouldBe((uint)(expected >> 32));

        // Other bits of the register may hold anything on the 32-bit parts.
        new TegraFaultStatus(0x0030_0000).AddressOn(part, 0x1000).ShouldBe(expected);
    }

    [Theory]
    [InlineData("sdmmc1a", "sdmmcra", "sdmmcwa")]
    [InlineData("sdmmc2a", "sdmmcraa", "sdmmcwaa")]
    [InlineData("hda", "hdar", "hdaw")]
    [InlineData("vic", "vicsrd", "vicswr")]
    [InlineData("xusb_host", "xusb_hostr", "xusb_hostw")]
    public void Reads_and_writes_are_those_of_their_clients(string name, string reader, string writer)
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        var device = machine.Driver.GetDevice(name);
        using var domain = machine.CreateDomain(new DomainOptions());
        domain.Attach(device);
        var faults = new List<IommuFault>();
        domain.FaultHandler = faults.Add;
        var dma = machine.CreateDma(device);
        dma.Read(0x1000, new byte[4]).IsComplete.ShouldBeFalse();
        dma.Write(0x2000, new byte[4]).IsComplete.ShouldBeFalse();
        faults.Select(fault => (fault.Source, fault.Iova, fault.IsWrite)).ShouldBe([(reader, 0x1000ul, false), (writer, 0x2000ul, true)]);
        domain.Map(0x1000, machine.DataStart, 4096, Protection.Read | Protection.Write);
        dma.Write(0x1000, new byte[4]).IsComplete.ShouldBeTrue();
    }
}
