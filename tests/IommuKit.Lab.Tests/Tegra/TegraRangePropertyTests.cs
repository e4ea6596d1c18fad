using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Machines;
using IommuKit.Lab.Tests.Support;
using IommuKit.Models.Tegra;
using IommuKit.PageTables;
using IommuKit.Specs.Tegra;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>Properties of the Tegra fact sheet, by name: P1 to P5 and P7: what a range flush covers.</summary>
public class TegraRangePropertyTests : TegraPropertyFixture
{
    private static Arbitrary<(int First, int Count)> Runs =>
        (from first in Gen.Choose(0, 1023)
         from count in Gen.OneOf(Gen.Elements(1, 3, 4, 5, 7, 8, 9, 15, 16, 17), Gen.Choose(1, 2500))
         select (first, count)).ToArbitrary();

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P01_flushed_ptc_lines_are_exactly_the_lines_of_the_changed_entries(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
        using var tenant = MakeWithTables(machine, policy, 4);
        var recorder = FlushRecorder.Attach(machine);
        Verify(Runs, run =>
        {
            var lines = new SortedSet<ulong>(Enumerable.Range(run.First, run.Count).Select(
                page => EntryAddress(machine, tenant.Domain, Iova + ((ulong)page * Page)) & ~((ulong)machine.Soc.AtomBytes - 1)));
            foreach (bool isMap in (bool[])[true, false])
            {
                recorder.Clear();
                MapOrUnmap(tenant, isMap, run);
                if (policy == SyncPolicy.Deferred && !isMap)
                {
                    // The queue is drained by one flush of everything.
                    recorder.PtcLines.ShouldBeEmpty();
                    continue;
                }

                new SortedSet<ulong>(recorder.PtcLines).ShouldBe(lines);
                if (policy != SyncPolicy.PerPage)
                {
                    recorder.PtcLines.Count.ShouldBe(lines.Count);
                }
            }
        });
    }

    [Theory]
    [InlineData("tegra30", 16, 16)]
    [InlineData("tegra114", 16, 16)]
    [InlineData("tegra124", 16, 16)]
    [InlineData("tegra124", 16, 32)]
    [InlineData("tegra124", 32, 32)]
    [InlineData("tegra210", 16, 64)]
    [InlineData("tegra210", 32, 32)]
    [InlineData("tegra210", 32, 64)]
    public void P02_flushed_tlb_groups_are_exactly_those_of_the_range_when_the_step_is_no_larger_than_the_group(
        string name, int stepKiB, int groupKiB)
    {
        int group = groupKiB << 10;
        using var machine = TegraMachine.Create(
            Cases.Soc(name), new MachineSettings { Tuning = TuningValues.None.With(TegraTuning.TlbStep, stepKiB << 10) }, new TegraModelOptions { TlbGroupBytes = group });
        using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 4);
        var recorder = FlushRecorder.Attach(machine);
        Verify(Runs, run =>
        {
            ulong first = Iova + ((ulong)run.First * Page);
            ulong last = first + ((ulong)run.Count * Page) - 1;
            var expected = new SortedSet<ulong>();
            for (ulong start = first & ~((ulong)group - 1); start <= last; start += (ulong)group)
            {
                expected.Add(start);
            }

            foreach (bool isMap in (bool[])[true, false])
            {
                foreach (ulong page in (ulong[])[first, last])
                {
                    tenant.Touch(page);
                }

                recorder.Clear();
                MapOrUnmap(tenant, isMap, run);
                recorder.Groups(group).ShouldBe(expected);
                tenant.ShouldSeeAround(first, last - first + 1);
            }
        });
    }

    [Fact]
    public void P02_a_step_larger_than_the_group_leaves_stale_translations()
    {
        using var machine = TegraMachine.Create(
            TegraSoc.Tegra210, new MachineSettings { Tuning = TuningValues.None.With(TegraTuning.TlbStep, 32 << 10) }, new TegraModelOptions { TlbGroupBytes = 16 << 10 });
        using var tenant = MakeWithTables(machine, SyncPolicy.Gather, 1);
        tenant.Map(Iova, Data, 16 * Page);
        foreach (ulong page in Tenant.Range(Iova, 16 * Page))
        {
            tenant.Touch(page);
        }

        tenant.Unmap(Iova, 16 * Page);
        tenant.Sees(Iova).ShouldBeTrue();
        tenant.Sees(Iova + (4 * Page)).ShouldBeFalse();
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P03_ranges_may_cross_tables(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        foreach (var (iova, size) in (ReadOnlySpan<(ulong, ulong)>)
        [
            (Iova + Section - Page, 2 * Page),
            (Iova + Section - Page, (2 * Section) + (2 * Page)),
            (Iova, 3 * Section),
            (Iova + (5 * Page), Section),
        ])
        {
            for (ulong page = iova; page < iova + size; page += 37 * Page)
            {
                tenant.Touch(page);
            }

            tenant.Map(iova, Data, size);
            tenant.ShouldSeeAround(iova, size);
            tenant.Unmap(iova, size);
            tenant.ShouldSeeAround(iova, size);
            tenant.Flush();
            tenant.ShouldSeeAround(iova, size);
        }

        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P04_ranges_may_have_holes(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy });
        tenant.Map(Iova, Data, 3 * Page);
        tenant.Map(Iova + (5 * Page), Data, 3 * Page);

        // A whole table is missing between.
        tenant.Map(Iova + (2 * Section), Data, 3 * Page);
        tenant.Flush();
        var before = machine.Counts;
        tenant.Unmap(Iova, 3 * Section);
        tenant.ShouldSeeAround(Iova, 20 * Page);
        tenant.Unmap(Iova + (3 * Page), 3 * Section);
        (machine.Counts - before).EntriesStored.ShouldBe(3);
        tenant.ShouldSee(Iova + (5 * Page));
        tenant.Unmap(Iova + Section, 2 * Section);
        tenant.Unmap(Iova + (5 * Page), 3 * Section);
        tenant.Flush();
        tenant.ShouldSeeAround(Iova, 20 * Page);
        tenant.ShouldSee(Iova + (2 * Section));
        tenant.Unmap(Iova + (2 * Section), 3 * Page);
        tenant.Flush();

        // The counts stayed exact: nothing is left but the directory.
        machine.Allocator.Outstanding.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Socs))]
    public void P05_unmap_and_map_before_the_flush_and_the_other_way_round(string name)
    {
        foreach (var release in (TableRelease[])[TableRelease.WhenEmpty, TableRelease.Never, TableRelease.WhenCovered])
        {
            using var machine = TegraMachine.Create(Cases.Soc(name), tablePoolStart: Cases.TablePool(Cases.Soc(name)));
            using var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = SyncPolicy.Explicit, Release = release });
            tenant.Map(Iova, Data, 4 * Page);
            tenant.Flush();
            tenant.Touch(Iova).ShouldBeTrue();

            tenant.Unmap(Iova, 4 * Page);
            tenant.Map(Iova, Data + (100 * Page), 2 * Page);
            tenant.ShouldSeeAround(Iova, 4 * Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova, 4 * Page);

            tenant.Touch(Iova + (8 * Page)).ShouldBeFalse();
            tenant.Map(Iova + (8 * Page), Data, Page);
            tenant.Unmap(Iova + (8 * Page), Page);
            tenant.Map(Iova + (8 * Page), Data + Page, Page);
            tenant.Unmap(Iova + (8 * Page), Page);
            tenant.Flush();
            tenant.ShouldSeeAround(Iova, 9 * Page);
            tenant.Unmap(Iova, 2 * Page);
            tenant.Flush();
            if (release == TableRelease.WhenEmpty)
            {
                machine.Allocator.Outstanding.ShouldBe(1);
            }
        }
    }

    [Theory]
    [MemberData(nameof(SocsAndPolicies))]
    public void P07_the_last_page_of_a_run_is_flushed(string name, SyncPolicy policy)
    {
        using var machine = TegraMachine.Create(Cases.Soc(name));
        using var tenant = MakeWithTables(machine, policy, 2);
        foreach (int count in (int[])[1, 4, 5, 8, 9, 16, 17, 1024, 1025])
        {
            // The last page is alone in its line and its group.
            ulong size = (ulong)count * Page;
            ulong iova = Iova + (32 * Page) + Page - size % (32 * Page);
            ulong last = iova + size - Page;
            tenant.Touch(last).ShouldBeFalse();
            tenant.Map(iova, Data, size);
            tenant.Flush();
            tenant.ShouldSee(last);
            tenant.Unmap(iova, size);
            tenant.Flush();
            tenant.ShouldSee(last);
        }

        // The very last page of the address space.
        const ulong end = (1ul << 32) - Page;
        tenant.Touch(end).ShouldBeFalse();
        tenant.Map(end, Data, Page);
        tenant.Flush();
        tenant.ShouldSee(end);
        tenant.Unmap(end, Page);
        tenant.Flush();
        tenant.ShouldSee(end);
    }
}
