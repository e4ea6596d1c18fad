using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using IommuKit.Domains;
using IommuKit.Lab.Iommus.Tegra;
using IommuKit.Lab.Tests.Support;
using IommuKit.PageTables;

namespace IommuKit.Lab.Tests.Tegra;

/// <summary>What the tests of the properties P1 to P15 of the Tegra fact sheet share. Each is found by its name.</summary>
public abstract class TegraPropertyFixture
{
    private protected const ulong Page = 4096;
    private protected const ulong Section = 4 << 20;
    private protected const ulong Iova = 0x4000_0000;
    private protected const ulong Data = 0x1000_0000;

    public static TheoryData<string> Socs => Cases.Socs;

    public static TheoryData<string, SyncPolicy> SocsAndPolicies => Cases.SocsAndPolicies;

    private protected static void Verify<T>(Arbitrary<T> arbitrary, Action<T> check) =>
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(arbitrary, check));

    private protected static void MapOrUnmap(Tenant tenant, bool isMap, (int First, int Count) run)
    {
        ulong iova = Iova + ((ulong)run.First * Page);
        ulong size = (ulong)run.Count * Page;
        if (isMap)
        {
            tenant.Map(iova, Data, size);
        }
        else
        {
            tenant.Unmap(iova, size);
        }

        tenant.Flush();
    }

    /// <summary>A domain whose first tables exist and stay, so that only leaves change.</summary>
    private protected static Tenant MakeWithTables(TegraMachine machine, SyncPolicy policy, int tables)
    {
        var tenant = new Tenant(machine, "hc", new DomainOptions { Policy = policy, Release = TableRelease.Never });
        tenant.Map(Iova, Data, (ulong)tables * Section);
        tenant.Unmap(Iova, (ulong)tables * Section);
        tenant.Flush();
        return tenant;
    }

    /// <summary>Where the entry for an IOVA lies, by a walk of its own.</summary>
    private protected static ulong EntryAddress(TegraMachine machine, IommuDomain domain, ulong iova, int level = 0)
    {
        ulong pointer = ((PagingDomain)domain).RootAddress + ((iova >> 22) * 4);
        uint entry = BinaryPrimitives.ReadUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4));
        return level == 1 ? pointer : ((ulong)(entry & 0x3f_ffff) << 12) + ((iova >> 12 & 0x3ff) * 4);
    }

    /// <summary>Has the walker read all of some memory as a page table, by pointing a directory entry at it for a while.</summary>
    private protected static void FillPtc(TegraMachine machine, Tenant tenant, ulong table)
    {
        ulong pointer = EntryAddress(machine, tenant.Domain, 0x8000_0000, level: 1);
        BinaryPrimitives.WriteUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4), 0xf000_0000u | (uint)(table >> 12));
        machine.Memory.WriteBack(pointer, 4);
        foreach (ulong page in Tenant.Range(0x8000_0000, 1024 * Page))
        {
            tenant.Touch(page);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(machine.Memory.CpuView.Span(pointer, 4), 0);
        machine.Memory.WriteBack(pointer, 4);
    }
}
