using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Machines;

/// <summary>A fault handler may map what is missing, also while other threads map and unmap.</summary>
public sealed class FaultHandlerTests
{
    private const int Rounds = 300;

    [Fact]
    public void A_handler_that_maps_does_not_wait_for_those_who_wait_for_its_access()
    {
        using var machine = TegraMachine.Create(TegraSoc.Tegra210);
        using var domain = machine.CreateDomain(new DomainOptions { Release = TableRelease.WhenEmpty });
        domain.Attach(machine.TestDevice);
        var dma = machine.CreateDma(machine.TestDevice);
        const ulong missing = 0x2000_0000;
        domain.FaultHandler = fault => domain.TryMap(fault.Iova & ~0xffful, machine.DataStart, 4096, Protection.Read | Protection.Write);
        bool isOver = false;
        Exception? failure = null;
        var other = new Thread(() => failure = Record.Exception(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                domain.Map(0x4000_0000, machine.DataStart, 4096, Protection.Read);
                domain.Unmap(0x4000_0000, 4096);
            }
        }))
        {
            IsBackground = true,
        };
        var device = new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                dma.Write(missing + ((ulong)i * 4096), [1]);
            }
        })
        {
            IsBackground = true,
        };
        other.Start();
        device.Start();

        device.Join(TimeSpan.FromMinutes(2)).ShouldBeTrue("The handler and the other thread wait for each other.");
        Volatile.Write(ref isOver, true);
        other.Join(TimeSpan.FromMinutes(2)).ShouldBeTrue();
        failure.ShouldBeNull();
        domain.TryTranslate(missing, out _).ShouldBeTrue();
    }
}
