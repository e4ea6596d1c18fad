using IommuKit.Domains;
using IommuKit.Lab.Machines;
using IommuKit.PageTables;
using IommuKit.Specs.PageTables;
using IommuKit.Specs.Tegra;
using Xunit.Abstractions;

namespace IommuKit.Lab.Tests;

public class SmokeTests(ITestOutputHelper output)
{
    [Fact]
    public void Counts()
    {
        foreach (var (soc, policy, keep) in from s in TegraSoc.All from p in Enum.GetValues<SyncPolicy>() from k in new[] { true, false } select (s, p, k))
        {
            using var m = TegraMachine.Create(soc);
            using var d = m.CreateDomain(new DomainOptions { Policy = policy, Release = keep ? TableRelease.Never : null });
            var dev = m.Driver.GetDevice("hc");
            d.Attach(dev);
            var dma = m.CreateDma(dev);
            var list = Enumerable.Range(0, 1024).Select(i => new PhysicalRange(m.DataStart + (ulong)(1023 - i) * 8192, 4096)).ToArray();
            ulong iova = 0x4000_0000;
            if (keep) { d.MapScatterGather(iova, list, Protection.Read | Protection.Write); d.Unmap(iova, 4 << 20); d.Flush(); }
            var c0 = m.Counts;
            d.MapScatterGather(iova, list, Protection.Read | Protection.Write); d.Flush();
            var c1 = m.Counts;
            var buf = new byte[8];
            for (int i = 0; i < 1024; i++) { dma.Read(iova + (ulong)i * 4096, buf).IsComplete.ShouldBeTrue($"{soc} {policy} {i}"); }
            var c1b = m.Counts;
            d.Unmap(iova, 4 << 20).ShouldBe(4ul << 20); d.Flush();
            var c2 = m.Counts;
            for (int i = 0; i < 1024; i++) { dma.Read(iova + (ulong)i * 4096, buf).IsComplete.ShouldBeFalse($"{soc} {policy} {i}"); }
            foreach (var (n, c) in new[] { ("map", c1 - c0), ("unmap", c2 - c1b) })
            {
                output.WriteLine($"{soc} {policy} keep={keep} {n}: W={c.RegisterWrites.Total} R={c.RegisterReads.Total} C={c.LinesCleaned} B={c.Barriers} E={c.EntriesStored} T={c.TablesAllocated}/{c.TablesFreed}");
            }

            m.Allocator.Outstanding.ShouldBe(keep ? 2 : 1);
        }
    }
}
